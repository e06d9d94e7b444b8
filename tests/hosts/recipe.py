"""The steps of a Containerfile, taken in a plain Debian root: what a builder would do, where there is none."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.hosts.host import PLAIN, sh
from tests.support.servers import ROOT

_STEP_S = 600


@dataclass(slots=True)
class Image:
    """What the steps have made."""

    root: Path
    user: str = "0"
    environment: dict[str, str] = field(default_factory=dict)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def words(self, command: Sequence[str], environment: Mapping[str, str], *options: str) -> list[str]:
        """Give the command line that runs a command in it: its user, nothing writable but /tmp."""
        variables = {**self.environment, **environment}
        name = next(line for line in (self.root / "etc/passwd").read_text().splitlines() if f":x:{self.user}:" in line)
        return [
            *_nspawn(self.root),
            "--read-only",
            "--tmpfs=/tmp:mode=1777",
            "--drop-capability=all",
            "--no-new-privileges=yes",
            f"--user={name.partition(':')[0]}",
            *(f"--setenv={key}={value}" for key, value in variables.items()),
            *options,
            *command,
        ]


def steps(recipe: str) -> Iterator[tuple[str, str]]:
    """Give the instructions with their arguments."""
    text = re.sub(r"(?m)^\s*#.*\n", "", recipe)
    for line in re.sub(r"\\\n", "", text).splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, rest.strip()


@contextmanager
def built(folder: Path) -> Iterator[Image]:
    """Take all steps over a plain Debian."""
    root = folder / "image"
    for part in ("up", "work", "image"):
        (folder / part).mkdir()
    layers = f"lowerdir={PLAIN},upperdir={folder / 'up'},workdir={folder / 'work'}"
    sh("mount", "-t", "overlay", "overlay", "-o", layers, root)
    try:
        image = Image(root)
        for name, rest in steps((ROOT / "Containerfile").read_text()):
            _take(image, name, rest)
        yield image
    finally:
        sh("umount", "-l", root, check=False)


def _take(image: Image, name: str, rest: str) -> None:
    match name:
        case "FROM":
            assert rest.startswith("debian:12"), rest
        case "RUN":
            command = [*_nspawn(image.root), "/bin/sh", "-c", rest]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_STEP_S)
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        case "COPY":
            source, target = rest.split()
            shutil.copytree(ROOT / source, image.root / target.lstrip("/"))
        case "USER":
            image.user = rest
        case "ENV":
            key, _, value = rest.partition("=")
            image.environment[key] = value
        case "ENTRYPOINT":
            image.entrypoint = json.loads(rest)
        case "CMD":
            image.command = json.loads(rest)
        case _:
            assert name == "STOPSIGNAL", name


def _nspawn(root: Path) -> list[str]:
    own = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--as-pid2", "--pipe", "-D", str(root)]
    proxies = [f"--setenv={name}={value}" for name, value in os.environ.items() if name.lower().endswith("_proxy")]
    return [*own, *proxies, "--resolv-conf=replace-host"]
