"""KCL's JARs: found beside amazon_kclpy, and used only if each one matches the lock file.

amazon_kclpy downloads them at its installation, without a checksum of its own.
"""

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path

EX_UNAVAILABLE = 69
LOCK = Path(__file__).with_name("jars.lock")


class Unavailable(Exception):
    """Something that the host must provide is missing or altered.

    ``exit_code`` is EX_UNAVAILABLE of sysexits.
    """

    exit_code = EX_UNAVAILABLE


def folder() -> Path:
    """Return the folder in which the installed amazon_kclpy keeps its JARs.

    Raises:
        Unavailable: amazon_kclpy is not installed.

    """
    found = importlib.util.find_spec("amazon_kclpy")
    if found is None or found.origin is None:
        message = "amazon_kclpy is not installed. Install this package with its dependencies."
        raise Unavailable(message)
    return Path(found.origin).parent / "jars"


def locked(lock: Path = LOCK) -> dict[str, str]:
    """Read the SHA-256 of each locked JAR by file name, in the order of the lock file.

    Raises:
        Unavailable: the lock file cannot be read.

    """
    try:
        lines = lock.read_text(encoding="ascii").splitlines()
    except OSError as error:
        message = f"{lock} cannot be read: {error.strerror}. Install this package again."
        raise Unavailable(message) from error
    pairs = (line.split() for line in lines if line and not line.startswith("#"))
    return {name: digest for digest, name in pairs}


def digests(directory: Path) -> dict[str, str]:
    """Compute the SHA-256 of each JAR in ``directory`` by file name, sorted."""
    return {jar.name: _digest(jar) for jar in sorted(directory.glob("*.jar"))}


def differences(directory: Path, lock: Mapping[str, str]) -> list[str]:
    """List the differences between ``directory`` and ``lock``, one sentence each."""
    found = digests(directory)
    told = []
    for name, digest in lock.items():
        if name not in found:
            told.append(f"{directory / name} is missing")
        elif found[name] != digest:
            told.append(f"{directory / name} has changed: SHA-256 {found[name]}, locked {digest}")
    return told


def class_path(directory: Path, lock: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the locked JARs, each one verified. A JAR that is not locked is left out.

    Raises:
        Unavailable: a locked JAR is missing or has changed.

    """
    told = differences(directory, lock)
    if told:
        remedy = (
            "Reinstall amazon_kclpy (pip install --force-reinstall --no-cache-dir), or, when it "
            "was updated on purpose, run: kinesis-fleet jars lock"
        )
        message = "\n".join([*told, remedy])
        raise Unavailable(message)
    return tuple(directory / name for name in lock)


def write_lock(directory: Path, lock: Path = LOCK) -> int:
    """Write the lock file from the JARs in ``directory``, and return their number.

    Raises:
        Unavailable: there are no JARs, or the lock file cannot be written.

    """
    found = digests(directory)
    if not found:
        message = f"{directory} holds no JARs. Reinstall amazon_kclpy."
        raise Unavailable(message)
    text = "".join(f"{digest}  {name}\n" for name, digest in found.items())
    try:
        lock.write_text(text, encoding="ascii")
    except OSError as error:
        message = f"{lock} cannot be written: {error.strerror}. Run this in a source checkout."
        raise Unavailable(message) from error
    return len(found)


def _digest(jar: Path) -> str:
    with jar.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
