"""The unit says the same as the configuration that `check` holds to be safe."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from consumers.config.keys import Common
from consumers.kcl import heap
from consumers.registry import CONSUMERS

UNITS = Path(__file__).parents[1] / "systemd"
UNIT = UNITS / "kinesis-consumer@.service"


def unit() -> configparser.ConfigParser:
    """Read the unit."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text())
    return parser


def test_stop_time_is_the_default_of_the_properties() -> None:
    """Systemd waits as long as the inequality flush < grace < stop assumes."""
    assert float(unit()["Service"]["TimeoutStopSec"]) == Common(consumer="s3_archive").stop_timeout_s


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_memory_holds_all_shards_at_their_most(consumer: str) -> None:
    """The heap, Java besides, and for each shard a process that takes all that its keys allow: before it is slowed."""
    section = CONSUMERS[consumer].settings
    bytes_of = {field.encode_name: field.default for field in msgspec.structs.fields(section)}
    object_bytes = bytes_of["maxBytes"] * {"s3_archive": 3, "redshift_stage": 10}.get(consumer, 4)
    child_mib = 60 + (object_bytes + 5 * bytes_of.get("maxInflatedBytes", 0)) // heap.MIB
    common = Common(consumer=consumer)
    needed_mib = heap.needed_mib(common.jvm_shards, 10_000) + 200 + common.jvm_shards * child_mib
    service = unit()["Service"]
    assert needed_mib <= int(service["MemoryHigh"].removesuffix("M"))
    assert service["MemoryMax"] == "4G"


def test_only_the_daemon_is_told_to_stop() -> None:
    """A SIGTERM to the children would be ignored; a unit that killed them with the daemon would lose the drain."""
    assert unit()["Service"]["KillMode"] == "mixed"


@pytest.mark.parametrize("path", [path for path in sorted(UNITS.glob("*.service")) if "\nRestart=" in path.read_text()])
def test_a_faulty_configuration_stays_stopped(path: Path) -> None:
    """Only the main process's exit code counts: nothing that may end with 78 runs before it."""
    text = path.read_text()
    assert "\nRestartPreventExitStatus=78\n" in text
    assert "ExecStartPre" not in text
    assert "ExecCondition" not in text


@pytest.mark.parametrize("unit_file", sorted(UNITS.iterdir()), ids=lambda path: path.name)
def test_systemd_accepts_the_unit(tmp_path: Path, unit_file: Path) -> None:
    """systemd-analyze finds no fault, where it is installed."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed here")
    for path in UNITS.iterdir():
        text = re.sub(
            r"/opt/kinesis-fleet/current/venv/bin/kinesis-fleet", shutil.which("true") or "", path.read_text()
        )
        (tmp_path / path.name.replace("@.", "@s3_archive.")).write_text(text)
    copy = tmp_path / unit_file.name.replace("@.", "@s3_archive.")
    found = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize("name", [path.name for path in sorted(UNITS.glob("*.service"))])
def test_units_are_hardened(name: str) -> None:
    """What a unit may do is little: an exposure of 1.5 at the most. The hosts' tests ask a running one."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed here")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", str(UNITS / name)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[-300:] + found.stderr
