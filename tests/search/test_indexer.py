"""The order of things: documents, then dead letters, then the position; and a stream that is rejected as a whole."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from consumers.documents.decode import Limits as DecodeLimits
from consumers.letters.breaker import Breaker
from consumers.letters.letter import Letter, LetterHead
from consumers.pipeline import Pipeline
from consumers.records import Position, Record
from consumers.search.answers import Busy
from consumers.search.batcher import IndexBatcher, Limits
from consumers.search.bulk import Bulk
from consumers.search.indexer import Indexer
from consumers.search.judge import Judge
from consumers.search.shape import Shape
from consumers.waiting import Patience, Unavailable
from tests.search.fake_server import FakeServer

BAD = b'{"n":"x"}'


class World:
    """A shard's parts over a fake server, all writing down what they do."""

    def __init__(self, sample: int = 100, share: float = 0.5) -> None:
        self.actions: list[str] = []
        self.permitted = False
        self.letters_away = 0
        self.letters: list[Letter] = []
        self.server = FakeServer(numbers=frozenset({"n"}))
        self.mend_after: int | None = None
        self.pauses = 0
        self.said: list[dict[str, Any]] = []
        head = LetterHead("s", "sh", "elasticsearch_index", "1", "app")
        self.breaker = Breaker(sample, share)
        self.indexer = Indexer(Bulk(self, 1 << 20), self, head, self, self.breaker, lambda: 0.0, self)
        judge = Judge("s", "sh", lambda _: "i", Shape(), DecodeLimits())
        patience = Patience(self.pause, lambda: 0.0, self, jitter=random.Random(1))
        self.pipeline = Pipeline(IndexBatcher(Limits(1 << 20, 4, 0), judge.judge), self.indexer, patience)

    def ask(self, *of: Any, **more: Any) -> Any:
        answer = self.server.ask(*of, **more)
        self.actions.append("sent " + ",".join(one.split(":")[2] for one in self.server.requests[-1]))
        return answer

    def put(self, letters: Sequence[Letter]) -> None:
        if self.letters_away:
            self.letters_away -= 1
            raise Unavailable("the bucket is away")
        self.letters += letters
        self.actions.append("letters " + ",".join(letter.sequence for letter in letters))

    def allowed(self, *, stuck: bool = False) -> bool:
        self.actions.append("asked")
        return self.permitted

    def pause(self, _seconds: float) -> None:
        self.pauses += 1
        self.actions.append("waited")
        if self.pauses == self.mend_after:
            self.server.numbers = frozenset()
            self.server.indices["i"].numbers = frozenset()
        assert self.pauses < 50, "it waits for ever"

    def info(self, event: str, **fields: object) -> None:
        self.said.append({"event": event, **fields})

    def warning(self, event: str, **fields: object) -> None:
        self.said.append({"event": event, **fields})

    def error(self, event: str, **fields: object) -> None:
        self.said.append({"event": event, "alarm": True, **fields})

    def offer(self, *payloads: bytes) -> None:
        records = [Record(payload, "k", str(n), 0, 0) for n, payload in enumerate(payloads)]
        self.pipeline.offer(records, 0.0, lambda position: self.actions.append(f"checkpoint {position.sequence}"))

    @property
    def fates(self) -> tuple[int, int, int, int]:
        tally = self.indexer.tally
        return tally.indexed, tally.duplicates, tally.dead_letters, tally.filtered


def test_letters_are_durable_before_the_position_is() -> None:
    """Documents, then letters, then the checkpoint; what cannot be decoded is no part of the request."""
    world = World()
    world.offer(b"{}", BAD, b"\xff", b"{}", b"{}")
    assert world.actions == ["sent 0,1,3", "letters 1,2", "checkpoint 3", "sent 4", "checkpoint 4"]
    assert world.fates == (3, 0, 2, 0)
    assert [letter.payload for letter in world.letters] == [BAD, b"\xff"]


def test_no_checkpoint_while_the_letters_bucket_is_away() -> None:
    """And nothing is sent to the search server a second time meanwhile."""
    world = World()
    world.letters_away = 2
    world.offer(b"{}", BAD)
    assert world.actions == ["sent 0,1", "waited", "waited", "letters 1", "checkpoint 1"]


def test_a_batch_without_documents_asks_nothing_of_the_server() -> None:
    """Undecodable records go to the letters also while the server is down."""
    world = World()
    world.server.faults.append("unreached")
    world.offer(b"\xff")
    assert world.actions == ["letters 0", "checkpoint 0"]


def test_a_second_delivery_counts_as_duplicates() -> None:
    """And changes nothing."""
    world = World()
    world.offer(b"{}", b"{}")
    again = World()
    again.server = world.server
    again.offer(b"{}", b"{}")
    assert again.fates == (0, 2, 0, 0)
    assert len(world.server.ids()) == 2


def test_a_stream_rejected_as_a_whole_pauses_and_goes_on_by_itself_once_mended() -> None:
    """The server is asked anew each time, about the rejected alone; no letter is put, no position returned."""
    world = World(sample=4)
    world.mend_after = 2
    world.offer(b"{}", BAD, BAD, BAD)
    assert world.actions == [
        "sent 0,1,2,3", "asked", "waited", "sent 1,2,3", "asked", "waited", "sent 1,2,3", "checkpoint 3",
    ]  # fmt: skip
    assert world.fates == (4, 0, 0, 0)
    [alarm] = [said for said in world.said if said.get("alarm")]
    assert alarm["event"] == "waiting"
    assert "3 of 4 (mapper_parsing_exception 3)" in alarm["reason"]
    assert "let-through" in alarm["remedy"]


def test_an_operators_word_lets_the_rejected_pass() -> None:
    """Into the dead letters, each once."""
    world = World(sample=4)
    world.permitted = True
    world.offer(BAD, BAD, BAD, b"\xff")
    assert world.actions == ["sent 0,1,2", "asked", "letters 0,1,2,3", "checkpoint 3"]


def test_a_document_that_is_never_taken_is_named_and_let_through() -> None:
    """The alarm comes at once, not with the next reminder; on a word that includes it, it is the only dead letter."""
    world = World()
    world.server.trips = lambda source: "unsent" if b"culprit" in source else None
    pause = world.pause

    def grant(seconds: float) -> None:
        pause(seconds)
        world.permitted = any(said.get("alarm") for said in world.said)

    world.pipeline._patience.pause = grant
    world.offer(b"{}", b'{"culprit":1}', b"{}", b"{}")
    [alarm] = [said for said in world.said if said.get("alarm")]
    assert "1:0 of" in alarm["reason"]
    assert "let-through --stuck" in alarm["remedy"]
    assert [letter.sequence for letter in world.letters] == ["1"]
    assert world.fates == (3, 0, 1, 0)
    assert world.actions[-2:] == ["letters 1", "checkpoint 3"]


def test_too_few_records_are_no_evidence() -> None:
    """A single bad record on a quiet shard does not stop it."""
    world = World(sample=5)
    world.offer(BAD)
    assert world.actions == ["sent 0", "letters 0", "checkpoint 0"]


def test_a_pause_survives_an_outage() -> None:
    """What was reconsidered has no fate until the server gave one."""
    world = World(sample=2)
    world.mend_after = 1
    world.server.faults.extend([None, "unsent", "lost"])
    world.offer(BAD, BAD)
    assert world.fates == (0, 2, 0, 0)
    assert world.letters == []
    assert world.actions[-1] == "checkpoint 1"


def test_each_record_is_accounted_for_in_one_line_of_the_log() -> None:
    """At once, and then once a minute at the most; it holds numbers only."""
    world = World()
    world.offer(*[b"{}"] * 8, BAD)
    said = [one for one in world.said if one["event"] == "indexed"]
    assert said == [
        {"event": "indexed", "records": 4, "indexed": 4, "duplicates": 0, "dead_letters": 0, "filtered": 0},
    ]


def test_write_returns_only_the_end_of_the_batch() -> None:
    """Or raises: it never returns a part."""
    world = World()
    world.server.faults.append("429")
    batcher = IndexBatcher(Limits(1, 9, 0), lambda _: (b'{"create":{"_index":"i","_id":"s:sh:1"}}\n{}\n',))
    batcher.open(world.indexer.begin(Record(b"", "k", "1", 0, 0)), 0)
    batcher.add([Record(b"", "k", "1", 0, 0)])
    batch = batcher.take("bytes")
    with pytest.raises(Busy):
        world.indexer.write(batch)
    assert world.indexer.write(batch) == Position(1, 0)
