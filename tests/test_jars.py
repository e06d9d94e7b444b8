"""The class path holds exactly what was locked."""

from importlib.metadata import metadata, requires
from pathlib import Path

import pytest

from consumers.kcl import jars
from consumers.kcl.jars import Unavailable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with two JARs."""
    (tmp_path / "a-1.jar").write_bytes(b"a")
    (tmp_path / "b-2.jar").write_bytes(b"b")
    return tmp_path


def _lock(folder: Path) -> dict[str, str]:
    lock = folder / "jars.lock"
    jars.write_lock(folder, lock)
    return jars.locked(lock)


def test_the_installed_jars_are_the_locked_ones() -> None:
    """All 79 JARs of the pinned amazon_kclpy, unaltered."""
    lock = jars.locked()
    assert len(lock) == 79
    assert len(jars.class_path(jars.folder(), lock)) == 79


def test_a_lock_is_read_as_it_was_written(folder: Path) -> None:
    """One line for each JAR, its SHA-256 first, as sha256sum writes it."""
    assert _lock(folder) == jars.digests(folder)
    lines = (folder / "jars.lock").read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == ["a-1.jar", "b-2.jar"]


def test_a_changed_jar_is_refused_by_name(folder: Path) -> None:
    """One byte is enough, and the message says what to do."""
    lock = _lock(folder)
    (folder / "b-2.jar").write_bytes(b"B")
    with pytest.raises(Unavailable, match=r"b-2\.jar has changed(.|\n)*kinesis-fleet jars lock"):
        jars.class_path(folder, lock)


def test_each_missing_jar_is_named(folder: Path) -> None:
    """All of them at once."""
    lock = _lock(folder)
    for jar in folder.glob("*.jar"):
        jar.unlink()
    assert [line.rpartition("/")[2] for line in jars.differences(folder, lock)] == [
        "a-1.jar is missing",
        "b-2.jar is missing",
    ]


def test_a_jar_that_is_not_locked_stays_off_the_class_path(folder: Path) -> None:
    """What somebody dropped into the folder is never loaded."""
    lock = _lock(folder)
    (folder / "c-3.jar").write_bytes(b"c")
    assert [jar.name for jar in jars.class_path(folder, lock)] == ["a-1.jar", "b-2.jar"]


def test_an_empty_folder_is_never_locked(tmp_path: Path) -> None:
    """A lock of nothing would let anything through."""
    with pytest.raises(Unavailable, match="holds no JARs"):
        jars.write_lock(tmp_path, tmp_path / "jars.lock")


def test_what_is_installed_by_name_is_what_is_locked() -> None:
    """A plain `pip install` brings the KCL whose JARs are in the lock, and no later one, which would not start."""
    (wanted,) = [one for one in requires("kinesis-fleet") or () if one.startswith("amazon-kclpy")]
    version = wanted.partition("==")[2]
    assert version == metadata("amazon-kclpy")["Version"]
    assert f"amazon-kinesis-client-{version}.jar" in jars.locked()
