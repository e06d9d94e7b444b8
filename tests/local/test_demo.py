"""The demonstration as users run it: the real daemons, from start to verdict."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from consumers.commands.demo import command
from consumers.local.ledger import Ledger
from consumers.local.report import kept
from consumers.local.simulator import Kind
from tests.support.servers import ROOT

pytestmark = pytest.mark.skipif(shutil.which("java") is None, reason="needs Java 17")
COMMAND = (sys.executable, "-m", "consumers", "demo")
TIMEOUT_S = 240


BOTH = ("--sinks", "s3_archive,elasticsearch_index")
BROKEN = """
import sys
if "consumers.child" in sys.orig_argv:
    import tests.child.broken.forgets_letters
"""


def test_every_record_is_archived_and_indexed_once(tmp_path: Path) -> None:
    """It passes, keeps what it was asked to keep, finds the events by a search, and writes no record into a log."""
    keep = tmp_path / "kept"
    arguments = [*COMMAND, *BOTH, "--json", "--records", "700", "--shards", "2", "--seed", "11", "--keep", str(keep)]
    done = subprocess.run(arguments, capture_output=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr.decode()
    outcome = json.loads(done.stdout)
    archive, index = (outcome["sinks"][name] for name in ("s3_archive", "elasticsearch_index"))
    assert (outcome["put"], outcome["good"], archive["good"], index["good"]) == (700, True, True, True)
    assert (archive["drained"], index["drained"]) == (True, True)
    assert (archive["verdict"]["archived"], index["verdict"]["documents"]) == (700, 686)
    assert index["verdict"]["deadLetters"] == sum(index["verdict"]["reasons"].values()) == 14
    ledger = Ledger.load(keep / "ledger.jsonl")
    assert ledger.put == 700
    assert sum(entry.kind is Kind.GARBAGE for entry in ledger) == 14
    assert sum(index["verdict"]["search"]["events"].values()) == 686
    assert f"kept  {keep}" in done.stderr.decode()
    copies = [path for path in (keep / "objects").rglob("*.lines.*") if path.is_file()]
    assert len(copies) == archive["verdict"]["objects"]
    letters = [
        letter
        for path in (keep / "dead-letters").rglob("*.gz")
        for letter in gzip.decompress(path.read_bytes()).splitlines()
    ]
    assert len(letters) == 14
    for name in ("s3_archive", "elasticsearch_index", "opensearch"):
        assert "sessionId" not in (keep / "logs" / f"{name}.log").read_text()


def test_a_consumer_that_forgets_dead_letters_fails(tmp_path: Path) -> None:
    """Negative control: with children that keep no dead letter, the index is refused, and the archive is not."""
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    arguments = [*COMMAND, *BOTH, "--json", "--records", "700", "--shards", "1", "--seed", "11"]
    done = subprocess.run(arguments, capture_output=True, timeout=TIMEOUT_S, check=False, env=environment)
    assert done.returncode == 1, done.stderr.decode()
    outcome = json.loads(done.stdout)
    archive, index = (outcome["sinks"][name] for name in ("s3_archive", "elasticsearch_index"))
    assert (outcome["good"], archive["good"], index["good"]) == (False, True, False)
    assert (index["drained"], index["verdict"]["lost"], index["verdict"]["deadLetters"]) == (True, 14, 0)
    shutil.rmtree(Path(done.stderr.decode().rpartition("Logs: ")[2].strip()).parent)


def test_every_record_is_a_row_or_a_letter(tmp_path: Path) -> None:
    """Staged by the daemon, loaded by the loader beside it, and read back by SQL: each once; no record in a log."""
    keep = tmp_path / "kept"
    arguments = [
        *COMMAND,
        "--sinks",
        "redshift_stage",
        "--json",
        "--records",
        "700",
        "--seed",
        "11",
        "--keep",
        str(keep),
    ]
    done = subprocess.run(arguments, capture_output=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr.decode()
    table = json.loads(done.stdout)["sinks"]["redshift_stage"]
    assert (table["good"], table["drained"]) == (True, True)
    assert (table["verdict"]["rows"], table["verdict"]["deadLetters"]) == (686, 14)
    assert table["verdict"]["objects"] >= table["verdict"]["loads"] >= 1
    for name in ("redshift_stage", "redshift", "redshift-load", "redshift_stage-redshift-load"):
        assert "sessionId" not in (keep / "logs" / f"{name}.log").read_text()


def test_interrupted_it_audits_what_was_put() -> None:
    """The first SIGINT ends putting, not the rest or the audit, and nothing is left running."""
    arguments = [*COMMAND, "--sinks", "s3_archive", "--records", "1000000", "--rate", "500"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"}) as demo:
        alarm = threading.Timer(TIMEOUT_S, demo.kill)
        alarm.start()
        assert demo.stdout is not None
        lines = []
        for line in demo.stdout:
            lines.append(line)
            # The first such line says "0 put"; the next one comes when some were.
            if sum("putting:" in each for each in lines) == 2 and "putting:" in line:
                demo.send_signal(signal.SIGINT)
        alarm.cancel()
    text = "".join(lines)
    assert demo.returncode == 0, text
    assert "PASSED: every record put before it was stopped is archived exactly once" in text
    assert "byte for byte." in lines[-1]


def test_a_used_directory_is_refused(tmp_path: Path) -> None:
    """Two runs never mix in one directory."""
    (tmp_path / "old").touch()
    done = subprocess.run([*COMMAND, "--keep", str(tmp_path)], capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert b"is not empty: give another directory" in done.stderr


@pytest.mark.parametrize(
    "option",
    [("--bucket", "Foo_Bar"), ("--endpoint", "localhost:4566"), ("--stream", "a b"), ("--prefix", "/")],
    ids=lambda option: option[0],
)
def test_what_cannot_work_is_refused_at_once(option: tuple[str, str]) -> None:
    """Wrong usage ends with 2 before anything starts, and names the option."""
    done = CliRunner().invoke(command, [*option])
    assert done.exit_code == 2
    assert option[0] in done.stderr


def test_what_was_kept_can_be_looked_at(tmp_path: Path) -> None:
    """The last line names an object of records, not an index beside one; without objects it names the logs."""
    assert kept(tmp_path) == f"kept  {tmp_path}: the logs are in {tmp_path / 'logs'}"
    folder = tmp_path / "objects" / "my archive" / "hour=01"
    folder.mkdir(parents=True)
    for name in ("_s.shard.7.0.lines.zst.0123.index.gz", "s.shard.7.0.lines.zst"):
        (folder / name).touch()
    assert kept(tmp_path).endswith(f"kinesis-fleet cat '{folder / 's.shard.7.0.lines.zst'}'")
