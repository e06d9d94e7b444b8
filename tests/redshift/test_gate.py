"""An hour of the table is complete once the stage has decided it and all of it is loaded; not before."""

import json

import msgspec
import pytest
from click.testing import CliRunner

from consumers.chain.link import Link
from consumers.chain.store import Entry
from consumers.cli import main
from consumers.hours.manifest import INCOMPLETE, SUCCESS, Hole, Manifest, Note, ShardObjects, sealed, sums
from consumers.hours.times import hour_text
from consumers.redshift.loader import Bounds
from tests.support.archive import BUCKET
from tests.support.warehouse import WHOLE_HOUR_MS, Place, event, records

HOUR = hour_text(WHOLE_HOUR_MS)


def decide(place: Place, *, holes: tuple[Hole, ...] = ()) -> list[str]:
    """Write the hour's manifest and marker, as the shards' processes do once all have passed; what it promises."""
    keys = place.staged()
    objects = []
    for key in keys:
        head = place.s3.head_object(Bucket=BUCKET, Key=key)
        entry = Entry(key, head["ContentLength"], head["ETag"])
        objects.append(sealed(entry, Link.parse(head["Metadata"])))
    folder = keys[0].rpartition("/")[0]
    part = ShardObjects("shardId-000000000000", 1, sums(objects), tuple(objects))
    manifest = Manifest("1", "events", "a", HOUR, 1, not holes, holes, sums(objects), (part,))
    where = f"{folder}/_manifest.1.json"
    place.s3.put_object(Bucket=BUCKET, Key=where, Body=msgspec.json.encode(manifest))
    note = Note("1", HOUR, where, 1, sums(objects), holes)
    marker = INCOMPLETE if holes else SUCCESS
    place.s3.put_object(Bucket=BUCKET, Key=f"{folder}/{marker}", Body=msgspec.json.encode(note))
    return keys


def asked(place: Place) -> tuple[int, dict[str, object]]:
    """Ask the command."""
    done = CliRunner().invoke(main, ["redshift-report", "--json", "--hour", HOUR, str(place.file)])
    assert done.exit_code in {0, 1}, done.output
    return done.exit_code, json.loads(done.stdout)


@pytest.fixture
def hour(place: Place) -> Place:
    """Three objects of one hour."""
    place.write(maxRecords=10)
    place.stage(records([event(number) for number in range(30)], arrived_ms=WHOLE_HOUR_MS))
    return place


def test_complete(hour: Place) -> None:
    """It is not complete while the stage has not decided it, nor while an object of it waits; then it is."""
    loader = hour.loader()
    loader.work(Bounds(2, 1 << 40, 0))
    code, found = asked(hour)
    assert (code, found["complete"]) == (1, False)
    assert "the stage has not decided it yet" in str(found["reasons"])
    hour.work(loader)
    assert asked(hour)[0] == 1
    decide(hour)
    code, found = asked(hour)
    assert (code, found["complete"], found["objects"], found["rows"], found["reasons"]) == (0, True, 3, 30, [])
    text = CliRunner().invoke(main, ["redshift-report", "--hour", HOUR, str(hour.file)])
    assert text.stdout.startswith(f"{HOUR}  complete  3 objects, 30 rows")


def test_a_deleted_object_is_missed(hour: Place) -> None:
    """The last object of a shard, which nothing follows, is missed by the manifest where it was deleted unloaded."""
    keys = decide(hour)
    hour.remove(keys[-1])
    hour.work(hour.loader())
    code, found = asked(hour)
    assert code == 1
    assert keys[-1] in str(found["reasons"])


def test_quarantined(hour: Place) -> None:
    """An hour with an object in quarantine is not complete."""
    bad = decide(hour)[1]
    hour.spoil(bad, b'{"shard":"s","sequence_number":"1","arrived_at":"2025-11-30 10:53:20.000","session":"s"}')
    hour.work(hour.loader())
    code, found = asked(hour)
    assert code == 1
    assert "quarantined" in str(found["reasons"])


def test_holes(hour: Place) -> None:
    """An hour that the stage calls incomplete is never complete, and its reasons are told."""
    decide(hour, holes=(Hole("shardId-000000000000", "RETENTION", WHOLE_HOUR_MS, WHOLE_HOUR_MS + 5),))
    hour.work(hour.loader())
    code, found = asked(hour)
    assert code == 1
    assert "RETENTION" in str(found["reasons"])


def test_pruned(hour: Place) -> None:
    """An hour stays complete after its objects were removed: the ledger outlives them."""
    hour.write(keepHours=48)
    decide(hour)
    hour.work(hour.loader())
    hour.work(hour.loader())
    assert hour.staged() == []
    assert asked(hour)[0] == 0


def test_hours_command(hour: Place) -> None:
    """`kinesis-fleet hours` reads the stage's hours too."""
    decide(hour)
    hour.s3.head_bucket(Bucket=BUCKET)
    done = CliRunner().invoke(main, ["hours", "--json", "--from", HOUR, "--to", HOUR, str(hour.file)])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["state"] == "complete"
