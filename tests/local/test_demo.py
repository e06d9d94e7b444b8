"""The demonstration as users run it: the real daemon, from start to verdict."""

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

pytestmark = pytest.mark.skipif(shutil.which("java") is None, reason="needs Java 17")
COMMAND = (sys.executable, "-m", "consumers", "demo")
TIMEOUT_S = 240


def test_every_record_is_archived_once(tmp_path: Path) -> None:
    """It passes, keeps what it was asked to keep, and writes no record into its log."""
    keep = tmp_path / "kept"
    arguments = [*COMMAND, "--json", "--records", "700", "--shards", "2", "--seed", "11", "--keep", str(keep)]
    done = subprocess.run(arguments, capture_output=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr.decode()
    outcome = json.loads(done.stdout)
    verdict = outcome["verdict"]
    assert (verdict["put"], verdict["archived"], outcome["good"], outcome["drained"]) == (700, 700, True, True)
    assert Ledger.load(keep / "ledger.jsonl").put == 700
    assert f"kept  {keep}" in done.stderr.decode()
    copies = [path for path in (keep / "objects").rglob("*.lines.*") if path.is_file()]
    assert len(copies) == verdict["objects"]
    assert "sessionId" not in (keep / "logs" / "s3_archive.log").read_text()


def test_interrupted_it_audits_what_was_put() -> None:
    """The first SIGINT ends putting, not the archive or the audit, and nothing is left running."""
    arguments = [*COMMAND, "--records", "1000000", "--rate", "500"]
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
