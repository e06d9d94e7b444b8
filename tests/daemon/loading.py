"""A stage with a table: the properties, the loaders beside the daemon, and what stands in the table."""

import subprocess
from contextlib import closing
from typing import Any

from consumers.local.ledger import Ledger, sha256_of
from consumers.local.redshift.warehouse import Warehouse
from tests.daemon.stage import LONGEST_TIME_OUT_S, Stage
from tests.support.bad_rows import BAD
from tests.support.real_daemon import FLEET, LIVENESS_S, RealDaemon, fleet_environment
from tests.support.servers import ROOT
from tests.support.warehouse import Place


class TableStage:
    """A stage, and a database of its own beside it."""

    def __init__(self, stage: Stage, house: Warehouse, **keys: object) -> None:
        """Write the consumer's file, with short times where the tests would only wait, and make the tables."""
        self.stage = stage
        own: dict[str, Any] = {
            **stage.common,
            "redshift.bucket": stage.name,
            "redshift.maxRecords": 2000,
            "redshift.maxAgeSeconds": 2,
            "redshift.loadAgeSeconds": 1,
            "redshift.loadTimeoutSeconds": LONGEST_TIME_OUT_S,
            "redshift.deadLetters.bucket": stage.name,
        }
        self.place = Place(stage.server, house, stage.folder, **{**own, **keys})
        self.place.create()
        self.properties = self.place.file

    def loader(self, name: str) -> RealDaemon:
        """Describe a loader that goes on for ever."""
        command = [*FLEET, "redshift-load", "--follow", str(self.properties)]
        return RealDaemon(command, fleet_environment(self.stage.folder), self.stage.folder / f"{name}.log")

    def idle(self, seconds: int) -> None:
        """Say how long a session may idle, from the next one on."""
        with closing(self.place.connect()) as database:
            database.alter(f"ALTER USER rs SESSION TIMEOUT {seconds}")

    def load_the_rest(self) -> None:
        """Load once, to the end."""
        command = [*FLEET, "redshift-load", str(self.properties)]
        environment = fleet_environment(self.stage.folder)
        done = subprocess.run(
            command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=LIVENESS_S
        )
        assert done.returncode == 0, done.stderr[-2000:]

    def rows(self) -> tuple[int, int]:
        """Count the rows, and add up their amounts."""
        with closing(self.place.connect()) as database:
            ((count, total),) = database.ask(f"SELECT COUNT(*), SUM(amount) FROM {self.place.names.target}")
        return int(count), int(total)

    def audit(self, ledger: Ledger) -> None:
        """Make sure that each record that was put is one row or one dead letter, as it must be."""
        self.place.audit_numbers({str(entry.sequence) for entry in ledger})
        expected = {sha256_of(payload): reason for payload, reason in BAD}
        letters = {letter.sequence: letter.reason for letter in self.place.letters()}
        for entry in ledger:
            assert letters.get(str(entry.sequence)) == expected.get(entry.sha256), entry
