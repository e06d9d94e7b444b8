"""A consumer whose library is not installed harms nobody else."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from consumers.cli import main
from consumers.config.registered import NotInstalled, Registered, sections_of
from consumers.config.settings import load
from consumers.registry import CONSUMERS
from tests.config.sample import refused as refused_by_sample
from tests.config.sample import write

ARCHIVE = "consumer = s3_archive\nstreamName = e\napplicationName = e-archive\narchive.bucket = a-bucket\n"


FAULTS = {
    "missing": ModuleNotFoundError(name="a_driver"),
    "broken": ImportError("libpq.so.5: cannot open shared object file"),
    "not Python": OSError("librdkafka.so.1: cannot open shared object file"),
}


@pytest.fixture(autouse=True)
def fault(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Exception:
    """Give what importing the consumer raises."""
    real = importlib.import_module
    raised: Exception = getattr(request, "param", FAULTS["missing"])

    def missing(name: str, package: str | None = None) -> ModuleType:
        if name == "consumers.redshift_stage":
            raise raised
        return real(name, package)

    monkeypatch.setattr("consumers.config.registered.importlib.import_module", missing)
    return raised


@pytest.mark.parametrize("fault", [*FAULTS.values(), SyntaxError("of a later Python")], indirect=True)
def test_the_others_are_checked_and_load(tmp_path: Path) -> None:
    """Nothing of them needs it, a key that nobody knows and its nearest neighbour included."""
    assert load(write(tmp_path, ARCHIVE), CONSUMERS, environment={}).consumer == "s3_archive"
    result = CliRunner().invoke(main, ["check", str(write(tmp_path, f"{ARCHIVE}maxRecord = 1\n"))])
    assert (result.exit_code, "Write maxRecords" in result.stderr) == (78, True)


def test_its_keys_in_the_file_of_another_are_still_known(tmp_path: Path) -> None:
    """The section alone tells whose they are."""
    result = CliRunner().invoke(main, ["check", str(write(tmp_path, f"{ARCHIVE}redshift.bucket = b\n"))])
    assert "belongs to the consumer redshift_stage" in result.stderr


@pytest.mark.parametrize("command", ["check", "daemon", "prepare", "leases"])
def test_its_own_file_says_what_to_install(tmp_path: Path, command: str) -> None:
    """In a sentence, and not by a traceback."""
    file = write(tmp_path, ARCHIVE.replace("s3_archive", "redshift_stage").replace("archive.bucket", "redshift.bucket"))
    result = CliRunner().invoke(main, [command, str(file)])
    assert result.exit_code == 69
    assert "redshift_stage needs the package a_driver, which is not installed. Install it" in result.stderr


@pytest.mark.parametrize("fault", [FAULTS["broken"], FAULTS["not Python"]], indirect=True)
def test_a_library_that_cannot_be_loaded_is_named(tmp_path: Path, fault: Exception) -> None:
    """It is installed, and what it needs itself is not."""
    file = write(tmp_path, ARCHIVE.replace("s3_archive", "redshift_stage").replace("archive.bucket", "redshift.bucket"))
    result = CliRunner().invoke(main, ["check", str(file)])
    assert (result.exit_code, str(fault) in result.stderr) == (69, True)


def test_a_module_that_is_not_there_is_a_bug() -> None:
    """A line of the registry without its file is not what an operator could mend."""
    with pytest.raises(ModuleNotFoundError):
        Registered({"absent": "absent"})["absent"]
    with pytest.raises(KeyError):
        CONSUMERS["absent"]
    with pytest.raises(NotInstalled):
        CONSUMERS["redshift_stage"]


def test_the_registry_says_what_its_consumers_declare() -> None:
    """Sections are written twice, so that nobody has to import a consumer to know its own."""
    assert sections_of(CONSUMERS)["s3_archive"] == CONSUMERS["s3_archive"].section
    with pytest.raises(RuntimeError):
        Registered({"s3_archive": "other"})["s3_archive"]


def test_without_a_consumer_the_sections_that_are_there_are_judged(tmp_path: Path) -> None:
    """A file that lacks the key still has its other faults listed."""
    faults = refused_by_sample(tmp_path, "streamName = e\napplicationName = e-archive\nsample.maxBytes = 0\n")
    assert {fault.key for fault in faults} >= {"consumer", "sample.maxBytes"}
