"""The kit, tried on a destination in memory: it passes, and each seeded bug of it turns a test of the kit red."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from consumers.concern import ConcernSettings, Item, Outbox, Rejected, Unavailable, concern
from consumers.config.consumer import Consumer
from consumers.records import Record
from tests.concern.kit import Contract
from tests.concern.world import World


class ShelfSettings(ConcernSettings, frozen=True, kw_only=True, rename="camel"):
    """The keys `shelf.*`."""


class Shelf:
    """Keeps records in memory, by their places."""

    def __init__(self) -> None:
        self.stands: dict[tuple[str, str], bytes] = {}
        self.doubles: list[tuple[str, str, bytes]] = []
        self.is_away = False
        self.refuses = True

    def ready(self) -> None:
        if self.is_away:
            reason = "away"
            raise Unavailable(reason)

    def prepare(self, record: Record) -> bytes | Rejected:
        return record.payload

    def deliver(self, outbox: Outbox[bytes]) -> None:
        self.ready()
        for item in outbox.pending:
            if self.refuses and item.made == b"refused":
                outbox.reject(item, "refused")
            else:
                self.put(outbox.shard, item)
                outbox.done(item)

    def put(self, shard: str, item: Item[bytes]) -> None:
        self.stands[shard, str(item.record.position)] = item.made


class ShelfPlace:
    """A shelf, and what a test does to it."""

    keys: Mapping[str, object] = {}
    once = True
    refused = b"refused"

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    @property
    def consumer(self) -> Consumer:
        return concern("shelf", "shelf", ShelfSettings, self.connect)

    def connect(self, _settings: ShelfSettings) -> Shelf:
        return self.shelf

    def held(self) -> list[tuple[str, str, bytes]]:
        return [(*where, payload) for where, payload in self.shelf.stands.items()] + self.shelf.doubles

    @contextmanager
    def away(self) -> Iterator[None]:
        self.shelf.is_away = True
        yield
        self.shelf.is_away = False

    def accept(self) -> Mapping[str, object]:
        self.shelf.refuses = False
        return {}


class TestShelf(Contract):
    """The contract, on a destination that keeps it."""

    @pytest.fixture
    def place(self) -> ShelfPlace:
        """A shelf of its own."""
        return ShelfPlace(Shelf())


class Forgets(Shelf):
    """Says that it holds what it does not."""

    def put(self, shard: str, item: Item[bytes]) -> None:
        if item.record.position.sequence % 5:
            super().put(shard, item)


class Doubles(Shelf):
    """Appends what it has already."""

    def put(self, shard: str, item: Item[bytes]) -> None:
        if (shard, str(item.record.position)) in self.stands:
            self.doubles.append((shard, str(item.record.position), item.made))
        super().put(shard, item)


class Alters(Shelf):
    """Takes payloads for texts."""

    def prepare(self, record: Record) -> bytes | Rejected:
        return record.payload.decode(errors="replace").encode()


class RejectsTheRun(Shelf):
    """Refuses a whole batch for one record."""

    def deliver(self, outbox: Outbox[bytes]) -> None:
        if self.refuses and any(item.made == b"refused" for item in outbox.pending):
            for item in outbox.pending:
                outbox.reject(item, "refused")
        super().deliver(outbox)


class RejectsWhenAway(Shelf):
    """Takes an outage for a fault of the records."""

    def deliver(self, outbox: Outbox[bytes]) -> None:
        if self.is_away:
            for item in outbox.pending:
                outbox.reject(item, "away")
        else:
            super().deliver(outbox)


class NeedsAKey(Shelf):
    """Takes it that every record has a partition key."""

    def prepare(self, record: Record) -> bytes | Rejected:
        return record.payload if record.partition_key is not None else Rejected("no_key", "")


class NeverRefuses(Shelf):
    """Loses what it cannot hold."""

    def deliver(self, outbox: Outbox[bytes]) -> None:
        self.ready()
        for item in outbox.pending:
            if not (self.refuses and item.made == b"refused"):
                self.put(outbox.shard, item)
            outbox.done(item)


class IsAlwaysReady(Shelf):
    """Asks nobody."""

    def ready(self) -> None: ...


BUGS: dict[type[Shelf], Callable[[Any, Any], None]] = {
    Forgets: Contract.test_every_record_is_held_as_it_came,
    Doubles: Contract.test_two_processes_deliver_the_same,
    Alters: Contract.test_every_record_is_held_as_it_came,
    RejectsTheRun: Contract.test_a_refused_record_fails_alone,
    RejectsWhenAway: Contract.test_an_outage_is_waited_out,
    NeedsAKey: Contract.test_every_record_is_held_as_it_came,
    NeverRefuses: Contract.test_a_refused_record_fails_alone,
    IsAlwaysReady: Contract.test_it_says_that_it_is_ready,
}


@pytest.mark.parametrize("bug", BUGS)
def test_negative_control(bug: type[Shelf], tmp_path: Path) -> None:
    """A destination that breaks the contract fails the kit."""
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        BUGS[bug](TestShelf(), World(ShelfPlace(bug()), tmp_path))
