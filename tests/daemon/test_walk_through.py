"""The walk-through of a new consumer, followed to the letter: in a copy of the package, with the real daemon."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, page
from tests.support.servers import free_port, running

pytestmark = pytest.mark.daemon


@dataclass(frozen=True, slots=True)
class Command:
    """What is typed, with the lines of a here-document, and what the page says is printed."""

    typed: str
    printed: tuple[str, ...]


def commands(block: str) -> list[Command]:
    """Take a console block apart."""
    found: list[Command] = []
    lines = iter(block.splitlines())
    for line in lines:
        if not line.startswith("$ "):
            found[-1] = Command(found[-1].typed, (*found[-1].printed, line))
            continue
        typed = [line.removeprefix("$ ")]
        if end := re.search(r"<<(\w+)", line):
            for more in lines:
                typed.append(more)
                if more == end[1]:
                    break
        found.append(Command("\n".join(typed), ()))
    return found


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout to which the page's file, and the page's line of the registry, have been added."""
    shutil.copytree(ROOT / "consumers", tmp_path / "consumers", ignore=shutil.ignore_patterns("__pycache__"))
    (source,) = page("docs/new-consumer.md").blocks("python")
    (tmp_path / "consumers" / "rows.py").write_text(source)
    (line,) = (block for block in page("docs/new-consumer.md").blocks("text") if block.startswith('        "'))
    registry = tmp_path / "consumers" / "registry.py"
    registry.write_text(registry.read_text().replace("\n    }\n", f"\n{line}    }}\n"))
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def test_new_consumer_as_the_page_says(checkout: Path) -> None:
    """Each command is run as it stands, in one shell, and prints what the page says that it prints."""
    text = page("docs/new-consumer.md").text.partition("\n## Run it here\n")[2].partition("\n## ")[0]
    first, *rest = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(checkout), "TMPDIR": str(checkout)}

    def here(typed: str) -> str:
        """Let nothing outside of the copy be touched."""
        return typed.replace("4566", str(port)).replace("/tmp/", f"{checkout}/")  # noqa: S108 - the page's own

    (aws,) = commands(first)
    shown = [one for block in rest for one in commands(block)]
    script = "".join(f"{here(one.typed)}\necho '--- {number}'\n" for number, one in enumerate(shown))
    with running(["bash", "-c", f"cd {checkout} && exec {here(aws.typed)}"], port, environment):
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=150,
        )
    printed = re.split(r"^--- \d+$", done.stdout, flags=re.MULTILINE)
    log = checkout / "rows.log"
    told = f"{done.stdout}\n{done.stderr}\n{log.read_text()[-3000:] if log.exists() else ''}"
    for one, output in zip(shown, printed, strict=False):
        assert [line for line in one.printed if line not in output.splitlines()] == [], (one.typed, told)
    assert '"event":"shard_taken"' in done.stdout, told
    assert done.stdout.count('"event":"drained"') == 2, told
