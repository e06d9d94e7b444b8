"""The unit says the same as the configuration that `check` holds to be safe."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from consumers.config.keys import Common

UNIT = Path(__file__).parents[1] / "systemd" / "kinesis-consumer@.service"


def unit() -> configparser.ConfigParser:
    """Read the unit."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text())
    return parser


def test_stop_time_is_the_default_of_the_properties() -> None:
    """Systemd waits as long as the inequality flush < grace < stop assumes."""
    assert float(unit()["Service"]["TimeoutStopSec"]) == Common(consumer="s3_archive").stop_timeout_s


def test_only_the_daemon_is_told_to_stop() -> None:
    """A SIGTERM to the children would be ignored; a unit that killed them with the daemon would lose the drain."""
    assert unit()["Service"]["KillMode"] == "mixed"


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """systemd-analyze finds no fault, where it is installed."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed here")
    copy = tmp_path / "kinesis-consumer@s3_archive.service"
    copy.write_text(UNIT.read_text().replace("/opt/kinesis-fleet/.venv/bin/kinesis-fleet", shutil.which("true") or ""))
    found = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
