"""Makes the wheelhouse, from which hosts install without internet access, every wheel verified by its digest.

    python ansible/wheelhouse.py dist/wheelhouse

The locked packages are built once, on the controller. KCL's JARs are in amazon_kclpy's wheel and are compared with
their lock. `requirements.lock` lists each wheel with its SHA-256, and `VERSION` identifies all of them. `wheels.tar`
holds the lock and the wheels in one file, which is copied to the hosts by ssh in one transfer.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from consumers.kcl.jars import locked

ROOT = Path(__file__).resolve().parents[1]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
_JARS = "amazon_kclpy/jars/"
_FOLDERS = ("consumers", "systemd")
_DIGITS = 12
_HOST_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}.0"
"""The first release of this minor version: hosts have any of its releases, and wheels fit all of them."""


def main() -> None:
    """Make the wheelhouse, unless it is up to date."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    source = _source_digest()
    stamp = folder / "SOURCE"
    if stamp.exists() and stamp.read_text() == source:
        sys.stdout.write(f"{folder} is up to date: {(folder / 'VERSION').read_text()}\n")
        return
    for old in folder.glob("*"):
        old.unlink()
    lock = folder / "host.lock"
    lock.write_text("".join(_for_hosts((ROOT / "requirements/host.lock").read_text())))
    common = ("wheel", "--no-build-isolation", "--no-deps", "-w", str(folder))
    subprocess.run([*PIP, *common, "--require-hashes", "-r", str(lock)], check=True)
    with tempfile.TemporaryDirectory() as build:
        # setuptools builds in the source folder: a copy keeps the checkout clean.
        copy = Path(build) / "source"
        files = ("setup.py", "README.md", "pyproject.toml", "LICENSE")
        copy.mkdir()
        for name in files:
            (copy / name).write_bytes((ROOT / name).read_bytes())
        for name in _FOLDERS:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        # With a fixed date, the same source gives the same bytes, and so the same version.
        subprocess.run([*PIP, *common, str(copy)], check=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
    _insist_on_jars(folder)
    wheels = sorted(folder.glob("*.whl"))
    lines = [_line(wheel) for wheel in wheels]
    requirements = folder / "requirements.lock"
    requirements.write_text("".join(lines))
    with tarfile.open(folder / "wheels.tar", "w") as tar:
        for path in (requirements, *wheels):
            tar.add(path, path.name)
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()[:_DIGITS]
    (own,) = folder.glob("kinesis_fleet-*.whl")
    version = f"{own.name.split('-')[1]}-{digest}"
    (folder / "VERSION").write_text(version)
    (folder / "PYTHON").write_text(f"{sys.version_info.major}.{sys.version_info.minor}")
    lock.unlink()
    stamp.write_text(source)
    sys.stdout.write(f"{folder}: {len(lines)} wheels, {version}\n")


def _for_hosts(lock: str) -> Iterator[str]:
    """Yield the entries of a lock that the hosts' Python needs. A lock has more, and this Python may be newer."""
    for entry in re.split(r"\n(?=[A-Za-z0-9])", lock):
        head, _, hashes = entry.partition(" \\\n")
        requirement = Requirement(head)
        if requirement.marker is None or requirement.marker.evaluate({"python_full_version": _HOST_PYTHON}):
            yield f"{requirement.name}{requirement.specifier} \\\n{hashes}\n"


def _line(wheel: Path) -> str:
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def _insist_on_jars(folder: Path) -> None:
    """Compare the JARs in the wheel with their lock, byte for byte.

    Raises:
        SystemExit: a JAR is missing, added or altered.
    """
    (wheel,) = folder.glob("amazon_kclpy-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        found = {
            re.sub(r"^.*/", "", name): hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if _JARS in name and name.endswith(".jar")
        }
    if locked() != found:
        wheel.unlink()
        message = f"the JARs in {wheel.name} are not those of consumers/kcl/jars.lock: nothing is made of it"
        raise SystemExit(message)


def _source_digest() -> str:
    digest = hashlib.sha256()
    names = ("ansible/wheelhouse.py", "setup.py", "requirements/host.lock")
    within = (path for name in _FOLDERS for path in sorted((ROOT / name).rglob("*")))
    for path in [*(ROOT / name for name in names), *within]:
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
