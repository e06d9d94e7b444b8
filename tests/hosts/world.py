"""Three hosts, a stream, and records on their way into it: where the hosts' tests play."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.daemon.audit import expected_of, faults_in, store_of
from tests.daemon.putting import Flow, last_of, play
from tests.daemon.stage import Stage
from tests.hosts.compared import Compared
from tests.hosts.host import Host
from tests.hosts.rollout import Rollout, secrets
from tests.hosts.timeline import around, idle_s, journal, redelivered, stays
from tests.support.archive import object_keys
from tests.support.real_daemon import LIVENESS_S

RATE = 200.0
UNIT = "kinesis-consumer@s3_archive.service"
SHARDS = 3
FREEZE_S = 30
"""Three lease times, of `failoverTimeMillis` each as it is shipped."""


class World:
    """The hosts, the stream, and records on their way into it."""

    def __init__(self, fleet: list[Host], stage: Stage, endpoint: str, folder: Path) -> None:
        self.hosts = fleet
        self.stage = stage
        self.properties: dict[str, Any] = {
            "streamName": stage.name,
            "applicationName": stage.name,
            "regionName": "us-east-1",
            "kinesisEndpoint": endpoint,
            "dynamoDBEndpoint": endpoint,
            "metricsLevel": "NONE",
            "jvm.shards": SHARDS,
            "jvm.options": "-XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -XX:-UsePerfData -Daws.cborEnabled=false",
            "idleTimeBetweenReadsInMillis": 1000,
            "archive.bucket": stage.name,
            "archive.endpoint": endpoint,
            "archive.region": "us-east-1",
            "archive.prefix": "raw",  # where the audit of these tests looks
            "archive.maxAgeSeconds": 2,
        }
        self.consumers: dict[str, Any] = {"s3_archive": {"properties": self.properties}}
        variables = {
            "kinesis_fleet_consumers": self.consumers,
            "kinesis_fleet_secrets": {"s3_archive": secrets()},
            "kinesis_fleet_most_lag_seconds": 30,
            "kinesis_fleet_settle_seconds": 8,
        }
        self.rollout = Rollout(fleet, folder, variables)
        self.flow = Flow(stage, RATE, play())
        self._compared = Compared(stage, self.flow.ledger)

    @contextmanager
    def impatient(self) -> Iterator[None]:
        """Let the playbook wait for a release that cannot hold no longer than it takes to see that."""
        self.rollout.variables["kinesis_fleet_ready_seconds"] = 20
        try:
            yield
        finally:
            del self.rollout.variables["kinesis_fleet_ready_seconds"]

    def settle(self) -> None:
        """Put no more, wait until all is archived, and compare."""
        ledger = self.flow.end()
        self.stage.await_committed(last_of(ledger))
        self._insist_on_none(faults_in(self.stage, expected_of(ledger)))

    def compare(self) -> None:
        """Wait until all that was put up to now is archived, and insist that nothing of it is missing or doubled."""
        self._insist_on_none(self._compared.faults())

    def insist_on_none_again(self, since: float) -> None:
        """Insist that no change of a shard's process since then has delivered anything again."""
        again = redelivered(stays(self.hosts, UNIT), since)
        for _, after in again:
            print("", *around(self.hosts, UNIT, after.shard, after.began), sep="\n")
        self._insist_on_none([f"{before}, then {after}" for before, after in again])

    def _insist_on_none(self, faults: list[str]) -> None:
        if faults:
            self._explain(faults)
        assert faults == []

    def _explain(self, faults: list[str]) -> None:
        """Keep what tells how it came to this: every object's link, and what each host has logged."""
        kept = Path(tempfile.mkdtemp(prefix="kinesis-fleet-faults-"))
        store = store_of(self.stage)
        links = sorted(f"{key} {dict(store.metadata(key) or {})}" for key in object_keys(store))
        (kept / "faults").write_text("\n".join(faults))
        (kept / "links").write_text("\n".join(links))
        for host in self.hosts:
            (kept / host.name).write_text(host.try_run("journalctl --no-pager -o short-iso-precise").stdout)
        print(f"\n{len(faults)} faults: {kept}")

    def say_idle(self, what: str, since: float) -> dict[str, float]:
        """Wait until each shard has stored again, and print how long each was without a process."""
        self.await_progress()
        found = idle_s(stays(self.hosts, UNIT), since)
        print(f"\n{what}: without a process for at most {max(found.values(), default=0):.1f} s, of {len(found)} shards")
        return found

    def await_lines(self, host: Host, since: float, event: str) -> list[dict[str, Any]]:
        """Wait until the consumer of a host has logged an event since then; its lines."""
        until = time.monotonic() + LIVENESS_S
        while not (found := [one for one in journal(host, UNIT, since) if one.get("line", {}).get("event") == event]):
            assert time.monotonic() < until, f"{host.name} has not logged {event}"
            time.sleep(0.5)  # a journal over ssh tells nobody that it has grown
        return found

    def leader(self) -> Host:
        """Give the host whose daemon hands leases out."""
        table = self.stage.server.client("dynamodb").get_item(
            TableName=f"{self.stage.name}-CoordinatorState", Key={"key": {"S": "Leader"}}
        )
        name = table["Item"]["ownerName"]["S"]
        return next(host for host in self.hosts if name.startswith(host.name))

    def busiest(self) -> Host:
        """Give the host with the most shards: what is done to another one may hit nothing."""
        owners = [row.owner or "" for row in self.stage.leases().values()]
        held = {host.name: sum(owner.startswith(host.name) for owner in owners) for host in self.hosts}
        found = max(self.hosts, key=lambda host: held[host.name])
        assert held[found.name], f"no host holds a shard: {owners}"
        return found

    def current(self) -> list[str]:
        """Give the current release of each host."""
        return [host.run("readlink /opt/kinesis-fleet/current").strip() for host in self.hosts]

    def kclpy(self) -> list[str]:
        """Give the version of amazon-kclpy of each host's current release."""
        command = "basename /opt/kinesis-fleet/current/venv/lib/*/site-packages/amazon_kclpy-*.dist-info .dist-info"
        return [host.run(command).strip().removeprefix("amazon_kclpy-") for host in self.hosts]

    def roll_out(self) -> None:
        """Have a release on every host, unless there is one."""
        if any(host.try_run("test -e /opt/kinesis-fleet/current").returncode for host in self.hosts):
            self.rollout.run("site.yml")

    def await_progress(self) -> None:
        """Wait until every record that was put up to now is archived."""
        self.stage.await_committed(last_of(self.flow.ledger))
