"""Letters to store, a store that fails when asked, and a consumer that keeps letters."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from hypothesis import strategies as st

from consumers.config.consumer import Consumer
from consumers.letters.keys import LetterPlace
from consumers.letters.letter import Letter, LetterHead, letter_of
from consumers.letters.settings import LetterSettings, letter_faults
from consumers.letters.store import DeadLetters
from consumers.records import HOUR_MS, Record
from consumers.waiting import Unavailable
from tests.memory_store import MemoryStore
from tests.support.archive import BUCKET
from tests.support.servers import KEYS

SHARD = "shardId-000000000000"
HEAD = LetterHead("player-events", SHARD, "sample", "0.1.0", "app")
PLACE = LetterPlace("dead-letters", "app")
NOON_MS = 1_769_860_800_000  # 2026-01-31T12
FIRST_SEQUENCE = 49_600_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000


def record(n: int, payload: bytes = b"{", arrival_ms: int = NOON_MS) -> Record:
    """Make the n-th record of a shard."""
    return Record(payload, f"key {n}", str(FIRST_SEQUENCE + n), arrival_ms, 0)


def letter(n: int, reason: str = "json_invalid", *, arrival_ms: int = NOON_MS, **more: object) -> Letter:
    """Make the n-th record's letter."""
    made = letter_of(HEAD, record(n, b'{"n": %d' % n, arrival_ms), reason, "cut short at byte 7")
    return msgspec.structs.replace(made, **more)


def stored(letters: DeadLetters) -> list[Letter]:
    """Read all that stands, doubles included."""
    return [one for entry in letters.entries() for one in letters.read(entry.key) or ()]


letters_of_a_shard = st.builds(
    lambda n, reason, hour, version: letter(n, reason, arrival_ms=NOON_MS + hour * HOUR_MS, version=version),
    st.integers(0, 12),
    st.sampled_from(["json_invalid", "not_object"]),
    st.just(0),
    st.sampled_from(["0.1.0", "0.9.0", "0.10.0"]),
)


class FailingStore(MemoryStore):
    """A bucket whose n-th call fails: before it did anything, or after it did it, with the answer lost."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.fail_at: int | None = None
        self.answer_lost = False

    def put_new(self, key: str, body: bytes, metadata: Mapping[str, str], sha256: bytes) -> bool:
        self._fail(f"put {key}", before=True)
        new = super().put_new(key, body, metadata, sha256)
        self._fail(f"put {key}", before=False)
        return new

    def swap(self, key: str, body: bytes, version: str | None) -> str | None:
        self._fail(f"swap {key}", before=True)
        now = super().swap(key, body, version)
        self._fail(f"swap {key}", before=False)
        return now

    def _fail(self, call: str, *, before: bool) -> None:
        if before:
            self.calls.append(call)
        if self.fail_at == len(self.calls) - 1 and before is not self.answer_lost:
            reason = f"{call}: SlowDown (HTTP 503)"
            raise Unavailable(reason, "none: it is tried again")


class SampleSettings(LetterSettings, frozen=True, kw_only=True, rename="camel"):
    """The section `sample.*` of a consumer that parses."""

    max_age_seconds: float = 60.0


def sample_faults(settings: SampleSettings) -> Iterator[tuple[str, str]]:
    """Say what is wrong across keys."""
    yield from letter_faults(settings, "sample")


SAMPLE = Consumer("sample", "sample", SampleSettings, sample_faults, print, print)


def properties(folder: Path, endpoint: str, **more: str) -> Path:
    """Write the sample's properties file."""
    values = {
        "consumer": "sample",
        "streamName": HEAD.stream,
        "applicationName": HEAD.application,
        "sample.deadLetters.bucket": BUCKET,
        "sample.deadLetters.region": KEYS["AWS_DEFAULT_REGION"],
        "sample.deadLetters.endpoint": endpoint,
        **more,
    }
    path = folder / "sample.properties"
    path.write_text("".join(f"{key} = {value}\n" for key, value in values.items() if value))
    return path
