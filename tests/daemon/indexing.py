"""A stage with a search index: its properties, what was put, and what stands in the index and the dead letters."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from consumers.local.ledger import Ledger, sha256_of
from consumers.local.simulator import Kind, Produced
from tests.daemon.stage import Stage
from tests.support.bad_events import bad_event, good_event
from tests.support.indexing import ids_in, index_faults, letters_of, write_index_properties
from tests.support.search import SearchNode

BAD_EVERY = 100


@dataclass(frozen=True, slots=True)
class IndexStage:
    """A stage, and the search server beside it."""

    stage: Stage
    node: SearchNode

    def properties(self, **keys: object) -> Path:
        """Write the consumer's file, with short times where the tests would only wait."""
        stage = self.stage
        own = {
            **stage.common,
            "index.name": f"test-events-{stage.name}-%Y.%m.%d",
            "index.template": "none",
            "index.maxRecords": 2000,
            "index.deadLetters.bucket": stage.name,
        }
        return write_index_properties(stage.folder, stage.server.endpoint, self.node.endpoint, **{**own, **keys})

    @property
    def indices(self) -> str:
        """What this stage's indices match."""
        return f"test-events-{self.stage.name}-*"

    def faults(self, ledger: Ledger, application: str = "") -> list[str]:
        """Say what is wrong; nothing if each record that was put is one document or one dead letter, as it must be."""
        name, bad = self.stage.name, {sha256_of(payload): reason for payload, reason in map(bad_event, range(11))}
        of_record = {f"{name}:{entry.shard}:{entry.sequence}:0": entry.sha256 for entry in ledger}
        expected = {at: bad[digest] for at, digest in of_record.items() if digest in bad}
        letters = letters_of(self.stage.server, name, application or name)
        return index_faults(ids_in(self.node, self.indices), letters, of_record, bad=expected)


def mixed_events(count: int, begin: int = 0) -> Iterator[Produced]:
    """Give so many events, one in a hundred of them bad in one of the ten ways."""
    for number in range(begin, begin + count):
        bad = number % BAD_EVERY == BAD_EVERY // 2
        payload = bad_event(number // BAD_EVERY)[0] if bad else good_event(number)
        yield Produced(f"key-{number % 97}", payload, Kind.GARBAGE if bad else Kind.EVENT)


def without_end(begin: int = 0) -> Iterator[Produced]:
    """Give such events without end."""
    return mixed_events(10**9, begin)
