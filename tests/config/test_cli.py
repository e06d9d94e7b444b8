"""The command line: exit codes, results for machines, and no import that is not needed."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError
from click.testing import CliRunner, Result

from consumers import __version__
from consumers.cli import COMMANDS, main, same_to_both
from consumers.commands import check, prepare
from consumers.config.keys import COMMON_KEYS
from consumers.config.settings import load
from consumers.config.shown import Shown, shown
from consumers.registry import CONSUMERS
from consumers.s3_archive import ArchiveSettings

ROOT = Path(__file__).parents[2]
MINIMAL = ROOT / "properties" / "s3_archive.minimal.properties"
OURS = ("check", "daemon", "dead-letters", "index-template", "jars", "prepare")


def _run(*arguments: str, bucket: str = "a-bucket") -> Result:
    return CliRunner(env={"ARCHIVE_BUCKET": bucket}).invoke(main, arguments)


def test_help_and_version_import_no_subcommand() -> None:
    """The table of commands alone answers."""
    code = (
        "import sys; from consumers.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not [m for m in sys.modules if m.startswith('consumers.commands.')]\n"
        "assert 'rich' not in sys.modules and 'boto3' not in sys.modules\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Examples:" in answer.stdout
    assert all(f"  {name} " in answer.stdout for name in COMMANDS)
    assert _run("--version").output == f"kinesis-fleet, version {__version__}\n"


@pytest.mark.parametrize("name", OURS)
def test_each_command_documents_its_exit_codes(name: str) -> None:
    """An operator finds them where the command is explained."""
    assert "Exit codes:" in _run(name, "--help").output


def test_a_good_file_passes() -> None:
    """Exit code 0, and the effective values for a machine."""
    assert (_run("check", str(MINIMAL)).output, _run("check", str(MINIMAL)).exit_code) == (
        f"{MINIMAL}: ok\n",
        0,
    )
    result = json.loads(_run("check", "--json", str(MINIMAL)).output)
    assert result["ok"]
    assert result["effective"]["shutdownGraceMillis"] == "20000"


def test_all_values_in_effect_are_shown() -> None:
    """The defaults of the section and of the common keys stand beside the file's own values."""
    result = json.loads(_run("check", "--json", str(MINIMAL)).output)["effective"]
    fields = {f"archive.{field.encode_name}" for field in msgspec.structs.fields(ArchiveSettings)}
    assert fields | set(COMMON_KEYS) <= result.keys()
    assert (result["archive.maxAgeSeconds"], result["jvm.shards"], result["log.level"]) == ("60", "8", "info")
    loaded = load(MINIMAL, CONSUMERS, environment={"ARCHIVE_BUCKET": "a-bucket"})
    sources = {value.key: value.source for value in shown(loaded, CONSUMERS, {"ARCHIVE_BUCKET": "a-bucket"})}
    given = {key for key, source in sources.items() if source == "file"}
    assert given == {"consumer", "streamName", "applicationName", "archive.bucket"}


def test_the_table_tells_the_file_from_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Three columns, and a value in brackets as it is."""
    monkeypatch.setenv("COLUMNS", "200")
    with (tmp_path / "out").open("w+") as out, contextlib.redirect_stdout(out):
        check.show(MINIMAL, (Shown("a", "[x]", "file"), Shown("b", "1", "default")))
        out.seek(0)
        rows = [line.replace("│", " ").split() for line in out if line.startswith("│")]
    assert rows == [["a", "[x]", "file"], ["b", "1", "default"]]


def test_the_help_of_check_speaks_of_the_daemon_alone() -> None:
    """The unit holds no check of its own, for the daemon checks."""
    assert "ExecStartPre" not in _run("check", "--help").output


NO_STREAM = ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "none"}}, "ListShards")
REMEDIES = [
    (NoRegionError(), "You must specify a region. Set regionName to"),
    (NoCredentialsError(), "Unable to locate credentials. Give the host a role"),
    (NO_STREAM, "Correct streamName (player-events)"),
    (EndpointConnectionError(endpoint_url="http://x"), ". Check credentials, region, endpoints"),
]


@pytest.mark.parametrize(("error", "told"), REMEDIES, ids=lambda value: type(value).__name__)
def test_prepare_names_what_to_mend(monkeypatch: pytest.MonkeyPatch, error: Exception, told: str) -> None:
    """Each refusal of AWS has its own remedy, after one full stop."""

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("consumers.kcl.leases.prepare", refuse)
    monkeypatch.setattr(prepare, "clients", lambda _: (None, None))
    result = _run("prepare", str(MINIMAL))
    assert result.exit_code == 69
    assert told in result.stderr
    assert ".." not in result.stderr


@pytest.mark.parametrize("name", ["check", "daemon", "prepare"])
def test_faults_exit_with_78(name: str) -> None:
    """A process manager sees that a restart does not help; the operator sees line and key."""
    result = _run(name, str(MINIMAL), bucket="")
    assert result.exit_code == 78
    assert "ARCHIVE_BUCKET is empty" in result.stderr


def test_faults_are_listed_for_a_machine_too(tmp_path: Path) -> None:
    """Each with line, key, problem and remedy."""
    path = tmp_path / "a.properties"
    path.write_text("consumer = s3_archive\nstreamNam = s\n")
    result = _run("check", "--json", str(path))
    assert result.exit_code == 78
    faults = json.loads(result.stdout)["faults"]
    assert {
        "line": 2,
        "key": "streamNam",
        "problem": "is not a known key",
        "remedy": "Write streamName",
    } in faults


def test_the_daemon_shows_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--print`` writes the files and runs nothing."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    result = _run("daemon", "--print", str(MINIMAL))
    assert result.output.startswith("env LANG=C.UTF-8 ")
    assert f"--properties-file {tmp_path / 'effective.properties'}\n" in result.output


def test_what_is_not_available_exits_with_69(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Java: not the configuration's fault."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("APPLICATION_NAME", f"application-{os.getpid()}")  # one daemon of a worker runs on a host
    result = _run("daemon", str(MINIMAL))
    assert (result.exit_code, result.stderr.startswith("no java in JAVA_HOME")) == (69, True)


def test_the_jars_are_verified() -> None:
    """For people and for machines."""
    assert json.loads(_run("jars", "verify", "--json").output) == {
        "ok": True,
        "jars": 79,
        "differences": [],
    }
    assert _run("jars", "verify").output.endswith(": ok\n")


def test_a_credential_of_aws_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What systemd hands over as `aws` is the file of AWS's keys, for every process below; no variable holds a key."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "")
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
    _run("check", str(MINIMAL))
    assert "AWS_SHARED_CREDENTIALS_FILE" not in os.environ
    (tmp_path / "aws").write_text("[default]\n")
    _run("check", str(MINIMAL))
    assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == str(tmp_path / "aws")


@pytest.mark.parametrize(
    ("given", "both"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, {"REGION": "eu-west-1"}),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-1"}, {"REGION": "us-east-1"}),
        ({"AWS_PROFILE": "", "AWS_DEFAULT_PROFILE": "ours"}, {"PROFILE": "ours"}),
        ({"AWS_PROFILE": "ours", "AWS_DEFAULT_PROFILE": ""}, {"PROFILE": "ours"}),
        ({"AWS_PROFILE": ""}, {}),
    ],
)
def test_java_and_python_read_the_same(given: dict[str, str], both: dict[str, str]) -> None:
    """The region is the one that KCL is handed. Where profiles differ, that is a fault of the environment."""
    same_to_both(given)
    assert given == {f"AWS_{way}{name}": value for name, value in both.items() for way in ("", "DEFAULT_")}
