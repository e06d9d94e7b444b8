"""What the daemon sends as a record and is none costs no shard its life, whatever the consumer."""

import json
from pathlib import Path
from typing import Any

import msgspec

from consumers.envelope import read
from consumers.hours.mark import load, mark_key
from consumers.letters.keys import aside_place
from consumers.letters.letter import ENVELOPE_INVALID, Letter
from consumers.letters.store import DeadLetters
from consumers.records import Record
from tests.child.serving import events, exact, fleet
from tests.conftest import empty_bucket
from tests.core.test_envelope import REAL
from tests.support.archive import BUCKET, archive_of, faults_of, object_keys, write_properties
from tests.support.fake_daemon import Child, Lease, new_records, wire
from tests.support.indexing import id_of, ids_in, letters_of, write_index_properties
from tests.support.search import SearchNode
from tests.support.servers import Server
from tests.support.staging import World, records

BAD: tuple[dict[str, Any], ...] = (
    {"data": "!"},
    {"partitionKey": "\ud800"},  # no JSON that could be decoded
    {"sequenceNumber": None},
    {"sequenceNumber": "hunter2"},
    {"approximateArrivalTimestamp": None},  # these numbers hold no time
    {"approximateArrivalTimestamp": float("nan")},
    {"subSequenceNumber": 1.5},
)
NUMBER = [3, 4, 11, 25, 26, 27, 59]  # the last of the shard among them


def kept(server: Server) -> list[Letter]:
    """Read what an archive has set aside, doubles included."""
    letters = DeadLetters(archive_of(server), aside_place("app"))
    return [letter for stored in letters.entries() for letter in letters.read(stored.key) or ()]


def lines_of(shard: list[Record]) -> list[dict[str, Any]]:
    """Write a shard's records as the daemon does, some of them garbled."""
    lines = [wire(record) for record in shard]
    for number, change in zip(NUMBER, BAD, strict=True):
        lines[number] |= change
    return lines


def deliver(child: Child, shard: list[Record]) -> None:
    """Deliver what stands after the checkpoint, in two parts."""
    lines = [
        line for record, line in zip(shard, lines_of(shard), strict=True) if record in child.lease.after(child.position)
    ]
    for part in (lines[:7], lines[7:]):
        child.send({"action": "processRecords", "records": part, "millisBehindLatest": 0})
        child.await_status("processRecords")


def test_an_archive_keeps_it_beside_its_objects(aws: Server, folder: Path) -> None:
    """All others stand, the checkpoint is a record's, and a new process stores nothing twice; no log holds data."""
    empty_bucket(aws)
    shard = new_records(60)
    good = [record for number, record in enumerate(shard) if number not in NUMBER]
    lease = Lease(records=shard)
    properties = write_properties(folder, aws.endpoint)
    for _ in range(2):
        with Child(properties, lease) as child:
            child.initialize()
            deliver(child, shard)
            child.exchange({"action": "shutdownRequested"})
            said = child.logs("record_set_aside")
            assert said
            assert all(line["level"] == "error" and line["kept"] for line in said)
            assert "hunter2" not in child.log.read_text()
        assert lease.checkpoint == good[-1].position
        lease.checkpoint = shard[20].position
    assert faults_of(archive_of(aws), good) == []
    letters = {letter.place: letter for letter in kept(aws)}
    assert len(letters) == len(NUMBER)
    assert {letter.reason for letter in letters.values()} == {ENVELOPE_INVALID}
    lines = [json.dumps(lines_of(shard)[number]).encode() for number in NUMBER]
    assert sorted(letter.payload for letter in letters.values()) == sorted(lines)
    mark, _ = load(archive_of(aws), mark_key("app", "events", lease.shard))
    assert mark
    assert {gap.reason for gap in mark.gaps if gap.from_ms} == {"SET_ASIDE"}


def test_the_commands_know_it(aws: Server, folder: Path) -> None:
    """`dead-letters` lists and shows what an archive has set aside, and it cannot be put through."""
    empty_bucket(aws)
    shard = new_records(60)
    properties = write_properties(folder, aws.endpoint)
    with Child(properties, Lease(records=shard)) as child:
        child.initialize()
        deliver(child, shard)
    listed = fleet("dead-letters", "list", "--json", properties)
    assert listed.returncode == 0
    assert json.loads(listed.stdout)["letters"] == len(NUMBER)
    position = str(shard[NUMBER[0]].position)
    shown = fleet("dead-letters", "show", "--position", position, properties)
    assert json.loads(json.loads(shown.stdout)["text"]) == lines_of(shard)[NUMBER[0]]
    assert fleet("dead-letters", "redrive", properties).returncode == 78


def test_an_index_makes_it_a_dead_letter(search: SearchNode, letters: Server, folder: Path) -> None:
    """All others are documents; put through again it stays, for it still cannot be read."""
    shard = events(60)
    good = [record for number, record in enumerate(shard) if number not in NUMBER]
    lease = Lease(records=shard)
    properties = write_index_properties(folder, letters.endpoint, search.endpoint)
    with Child(properties, lease) as child:
        child.initialize()
        deliver(child, shard)
        child.exchange({"action": "shutdownRequested"})
    assert sorted(ids_in(search)) == sorted(map(id_of, good))
    assert len({letter.place for letter in letters_of(letters)}) == len(NUMBER)
    assert lease.checkpoint == good[-1].position
    again = fleet("dead-letters", "redrive", "--json", properties)
    assert again.returncode == 1
    counted = json.loads(again.stdout)
    assert (counted["passed"], counted["rejectedAgain"]) == (0, len(NUMBER))
    assert len({letter.place for letter in letters_of(letters)}) == len(NUMBER)


def test_records_without_a_key_are_documents(search: SearchNode, letters: Server, folder: Path) -> None:
    """Null or left out: nothing of a document needs it."""
    shard = events(30)
    lines = [wire(record) for record in shard]
    lines[3]["partitionKey"] = None
    del lines[4]["partitionKey"]
    lines[5]["partitionKey"] = ""
    lines[6]["data"] = None
    lease = Lease(records=shard)
    with Child(write_index_properties(folder, letters.endpoint, search.endpoint), lease) as child:
        child.initialize()
        child.send({"action": "processRecords", "records": lines, "millisBehindLatest": None})
        child.await_status("processRecords")
        child.exchange({"action": "shutdownRequested"})
    assert exact(search, letters, shard, bad={id_of(shard[6]): "empty"}) == []


def test_records_without_a_key_are_archived(aws: Server, folder: Path) -> None:
    """Null, left out and empty: `cat` tells an absent key from an empty one, and nothing is set aside."""
    empty_bucket(aws)
    shard = new_records(60)
    lines = [wire(record) for record in shard]
    for number, key in ((3, None), (4, ""), (5, None)):
        shard[number] = msgspec.structs.replace(shard[number], partition_key=key)
        lines[number]["partitionKey"] = key
    del lines[5]["partitionKey"]
    lease = Lease(records=shard)
    with Child(write_properties(folder, aws.endpoint), lease) as child:
        child.initialize()
        child.send({"action": "processRecords", "records": lines, "millisBehindLatest": 0})
        child.await_status("processRecords")
        child.exchange({"action": "shutdownRequested"})
    assert faults_of(archive_of(aws), shard) == []
    assert kept(aws) == []
    first = f"s3://{BUCKET}/{object_keys(archive_of(aws))[0]}"
    where = ("--endpoint", aws.endpoint, "--region", "us-east-1")
    shown = [json.loads(line)["partitionKey"] for line in fleet("cat", "--json", *where, first).stdout.splitlines()]
    assert shown[2:7] == ["key-2", None, "", None, "key-6"]
    text = [line.split("\t")[2] for line in fleet("cat", *where, first).stdout.splitlines()]
    assert text[2:7] == ["key-2", "\\N", "", "\\N", "key-6"]


def test_records_without_a_key_are_rows(tmp_path: Path) -> None:
    """The stage needs none, also where its records are read again."""
    world = World(tmp_path)
    shard = [msgspec.structs.replace(one, partition_key=None) for one in records([1, 2, "x", 4])]
    world.run(shard)
    assert world.faults(shard, lambda record: record == shard[2]) == []
    assert [letter.partition_key for letter in world.letters()] == [None]


def test_a_stage_makes_it_a_dead_letter(tmp_path: Path) -> None:
    """Before its neighbours are committed, and so in no row and in one letter."""
    world = World(tmp_path)
    shard = records([1, 2, 3, 4, 5, 6])
    pipeline = world.process()
    elements = [json.dumps(wire(record)).encode() for record in shard]
    elements[1] = elements[1].replace(b'"data": "', b'"data": "!')
    delivery = read(elements)
    pipeline.set_aside(delivery.unreadable, len(delivery.records))
    assert [letter.position for letter in world.letters()] == [shard[1].position]
    pipeline.offer(delivery.records, 0)
    pipeline.end(0)
    assert world.faults(shard, lambda record: record == shard[1]) == []


def test_times_that_the_stream_leaves_out(aws: Server, folder: Path) -> None:
    """They follow from the sequence numbers: a process that is delivered them again meets the same keys."""
    empty_bucket(aws)
    base = int(REAL)
    shard = [Record(b"%d" % n, f"key {n}", str(base + (n << 80)), 1_545_084_650_000 + n, 0) for n in range(40)]
    lines = [wire(record) | ({"approximateArrivalTimestamp": None} if n % 2 else {}) for n, record in enumerate(shard)]
    properties = write_properties(folder, aws.endpoint, **{"archive.maxRecords": 10})
    for begin in (0, 5):
        lease = Lease(records=shard, checkpoint=shard[begin - 1].position if begin else "TRIM_HORIZON")
        with Child(properties, lease) as child:
            child.initialize()
            child.send({"action": "processRecords", "records": lines[begin:], "millisBehindLatest": 0})
            child.await_status("processRecords")
            child.exchange({"action": "shutdownRequested"})
        assert lease.checkpoint == shard[-1].position
    stored = [
        record
        if n % 2 == 0
        else Record(record.data, record.partition_key, record.sequence_number, 1_545_084_650_000, 0)
        for n, record in enumerate(shard)
    ]
    assert faults_of(archive_of(aws), stored) == []
    assert len(object_keys(archive_of(aws))) == 4
    assert kept(aws) == []
