"""The shipped units, unchanged, on a booted host: a faulty configuration stays ended, and all else is started again."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.host import BASE, Host, hosts
from tests.support.servers import ROOT

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(600)]
UNITS = ("kinesis-consumer@x.service", "kinesis-loader@x.service")
PROGRAM = "/opt/kinesis-fleet/current/venv/bin/kinesis-fleet"
RESTARTS_S = 5
"""A unit that is started again is so each second."""


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A host with the units, and a program of the fleet's name that ends as it is told."""
    if not (BASE.parent / ".ready").exists():
        pytest.skip("make test-hosts makes the hosts' base")
    folder = Path("/var/tmp") / f"kinesis-fleet-units-{time.time_ns():x}"  # noqa: S108 - overlays need a real disk
    folder.mkdir()
    try:
        with hosts(1, folder) as [only]:
            only.run(f"useradd --system kinesis-fleet; mkdir -p {Path(PROGRAM).parent}")
            only.run(f"printf '#!/bin/sh\\nexit $(cat /etc/ends-with)\\n' > {PROGRAM}; chmod 755 {PROGRAM}")
            for unit in (ROOT / "systemd").iterdir():
                shutil.copy(unit, only.root / "etc/systemd/system")
            only.run("systemctl daemon-reload")
            yield only
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("code", "again"), [(78, False), (69, True), (1, True)])
def test_an_end(host: Host, unit: str, code: int, *, again: bool) -> None:
    """78 is the end of it, at the first start; after 69 and 1 it is started each second."""
    host.run(f"systemctl stop {unit}; systemctl reset-failed {unit} || true; echo {code} > /etc/ends-with")
    host.try_run(f"systemctl start {unit}")
    time.sleep(RESTARTS_S)  # what is tested
    shown = dict(
        line.split("=", 1)
        for line in host.run(f"systemctl show -p SubState,NRestarts,ExecMainStatus {unit}").splitlines()
    )
    assert shown["ExecMainStatus"] in {str(code), "0"}
    assert (int(shown["NRestarts"]) >= 2) is again, shown
    assert (shown["SubState"] == "failed") is not again, shown
    if not again:
        assert shown == {"SubState": "failed", "NRestarts": "0", "ExecMainStatus": str(code)}
    host.run(f"systemctl stop {unit}")
