"""The simulator: valid by the published schema, repeatable, and with every kind of trouble."""

import hashlib
import json
from collections import Counter
from itertools import islice, pairwise
from pathlib import Path

import jsonschema
import pytest

from consumers.local.simulator import MAX_RECORD_BYTES, Kind, Produced, escaped, play

SCHEMA = json.loads(Path(__file__).with_name("epas-schema.json").read_text())
NAMES = frozenset(
    [
        "init",
        "metadata",
        "loading",
        "loaded",
        "playing",
        "paused",
        "heartbeat",
        "seeking",
        "seeked",
        "buffering",
        "buffered",
        "bitrate_changed",
        "stopped",
        "error",
        "warning",
    ]
)


@pytest.fixture(scope="module")
def produced() -> list[Produced]:
    """Twelve thousand records of one seed."""
    return list(islice(play(7), 12_000))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    """Load the specification's own definition of an event."""
    return jsonschema.Draft7Validator({**SCHEMA, "$ref": "#/definitions/TPlayerAnalyticsEvent"})


def digest(seed: int, count: int) -> str:
    """One digest over keys, bytes and kinds."""
    summed = hashlib.sha256()
    for key, data, kind in islice(play(seed), count):
        summed.update(f"{key}\0{len(data)}\0{kind}\0".encode() + data)
    return summed.hexdigest()


def test_every_ordinary_event_is_valid(produced: list[Produced], validator: jsonschema.Draft7Validator) -> None:
    """Events, also late and oversized ones, pass the published schema; all 15 names occur."""
    names = set()
    for _, data, kind in produced[:4000]:
        if kind in (Kind.EVENT, Kind.LATE, Kind.OVERSIZED):
            event = json.loads(data)
            validator.validate(event)
            names.add(event["event"])
    assert names == NAMES


def test_the_validator_refuses_what_is_no_event(validator: jsonschema.Draft7Validator) -> None:
    """Control: the schema is really applied."""
    assert not validator.is_valid({"event": "playing"})
    assert not validator.is_valid({"event": "resumed", "sessionId": "a", "timestamp": 1})


def test_same_seed_same_bytes() -> None:
    """A seed decides every byte, and another seed gives others."""
    assert digest(7, 3000) == digest(7, 3000)
    assert digest(7, 3000) != digest(8, 3000)


def test_kinds_come_at_their_set_rates(produced: list[Produced]) -> None:
    """Each kind of trouble is rare, and none is absent."""
    counts = Counter(record.kind for record in produced)
    assert counts[Kind.GARBAGE] == 240
    assert counts[Kind.LATE] == 120
    assert counts[Kind.ESCAPED] == 60
    assert counts[Kind.OVERSIZED] == 3


def test_records_fit_the_stream(produced: list[Produced]) -> None:
    """No record exceeds the limit of data plus key, one fills it to the byte."""
    sizes = [len(data) + len(key.encode()) for key, data, _ in produced]
    assert max(sizes) == MAX_RECORD_BYTES
    assert all(1 <= len(key) <= 256 for key, _, _ in produced)
    big = [size for size in sizes if size > 300 * 1024]
    assert len(big) == 3


def test_late_events_are_hours_old(produced: list[Produced]) -> None:
    """A late event's own timestamp lies at least an hour before that of the one ahead of it."""
    for before, record in pairwise(produced):
        if record.kind is Kind.LATE and before.kind is Kind.EVENT:
            age_ms = json.loads(before.data)["timestamp"] - json.loads(record.data)["timestamp"]
            assert age_ms >= 3_500_000


def test_garbage_holds_what_breaks_archives(produced: list[Produced]) -> None:
    """Empty records, newlines, CRLF and invalid UTF-8 are among the garbage."""
    garbage = {data for _, data, kind in produced if kind is Kind.GARBAGE}
    assert b"" in garbage
    assert any(b"\r\n" in data for data in garbage)
    assert any(data.count(b"\n") > 1 for data in garbage)
    assert any(data.decode(errors="replace").encode() != data for data in garbage)


def test_escaped_records_are_repairable(produced: list[Produced]) -> None:
    r"""A record with ``\x22`` for quotes is not JSON, and is again once that is undone."""
    some = next(data for _, data, kind in produced if kind is Kind.ESCAPED)
    with pytest.raises(json.JSONDecodeError):
        json.loads(some)
    assert json.loads(some.replace(b"\\x22", b'"').replace(b"\\x5C", b"\\"))["sessionId"]
    assert escaped(b'{"a":"\\n"}') == b"{\\x22a\\x22:\\x22\\x5Cn\\x22}"


def test_a_session_goes_from_init_to_stopped(produced: list[Produced]) -> None:
    """Within a session the events keep the order of time, and ``init`` comes first."""
    first: dict[str, str] = {}
    last_ms: Counter[str] = Counter()
    for _, data, kind in produced:
        if kind is Kind.EVENT:
            event = json.loads(data)
            first.setdefault(event["sessionId"], event["event"])
            assert event["timestamp"] >= last_ms[event["sessionId"]]
            last_ms[event["sessionId"]] = event["timestamp"]
    names = Counter(first.values())
    assert names["init"] > 0.95 * len(first)
