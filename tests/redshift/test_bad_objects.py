"""Objects that COPY refuses, and objects that are gone: each alone, with its reason, and the others are loaded."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from consumers.cli import main
from consumers.local.redshift.faults import Fault
from consumers.local.redshift.warehouse import Warehouse
from consumers.redshift import loader as loading
from consumers.redshift import transaction
from consumers.redshift.staged import Staged
from consumers.waiting import DeadlineReached
from tests.support.archive import BUCKET
from tests.support.servers import Server
from tests.support.warehouse import Place, event, records

WRONG = b'{"shard":"s","sequence_number":"1","arrived_at":"2025-11-30 10:53:20.000","session":"s","amount":"much"}'


def test_one_of_64(place: Place) -> None:
    """Of 64 objects one cannot be read by COPY: 63 are loaded, and one is quarantined with what COPY says of it."""
    place.stage_many(64, 10)
    bad = place.staged()[33]
    place.spoil(bad, WRONG)
    loader = place.loader()
    place.work(loader)
    ledger = place.ledger()
    assert {one.status for key, one in ledger.items() if key != bad} == {"loaded"}
    assert ledger[bad].status == "quarantined"
    assert len(place.rows()) == len({sequence for sequence, _ in place.rows()}) == 630
    (line,) = place.heard.of("quarantined")
    assert line["key"] == bad
    assert "line 6, column amount" in line["reason"]
    assert "much" not in str(place.heard.lines), "data went into the log"
    assert loader.totals.loads <= 3
    assert any("quarantined" in problem for problem in place.report().problems)


@pytest.mark.parametrize("when", ["before", "after"])
def test_lost_commit_of_a_quarantine(place: Place, when: str) -> None:
    """A quarantine whose COMMIT was not answered is looked up: it is alarmed about and counted once, by its object."""
    place.stage_many(8, 10)
    bad = place.staged()[3]
    place.spoil(bad, WRONG)

    def cut() -> None:
        place.house.faults.add(Fault("commit", when))  # type: ignore[arg-type]

    place.house.faults.add(Fault("insert", "after", "call", containing="'quarantined'", call=cut))
    loader = place.loader()
    place.work(loader)
    assert [line["stands"] for line in place.heard.of("commit_resolved")] == [when == "after"]
    assert [(line["key"], line["rows"]) for line in place.heard.of("quarantined")] == [(bad, 10)]
    assert (loader.totals.quarantined, loader.totals.waiting) == (1, 0)
    assert sorted(one.status for one in place.ledger().values()) == ["loaded"] * 7 + ["quarantined"]
    place.work(loader)
    assert loader.totals.quarantined == 1


def test_lost_commit_of_a_retry(place: Place) -> None:
    """`redshift-quarantine retry` whose COMMIT was not answered looks it up, and says what is done."""
    place.stage_many(4, 10)
    bad = place.staged()[1]
    place.spoil(bad, WRONG)
    place.work(place.loader())
    place.house.faults.add(Fault("commit", "after"))
    done = CliRunner().invoke(main, ["redshift-quarantine", "retry", str(place.file)])
    assert (done.exit_code, done.stdout) == (0, f"{bad} waits again\n"), done.output
    assert bad not in place.ledger()


def test_mended(place: Place) -> None:
    """A quarantined object is listed with its reason, waits again when an operator says so, and is loaded once."""
    run = place.stage_many(4, 10)
    bad = place.staged()[1]
    good = place.s3.get_object(Bucket=BUCKET, Key=bad)
    body, metadata = good["Body"].read(), good["Metadata"]
    place.spoil(bad, WRONG)
    place.work(place.loader())
    listed = CliRunner().invoke(main, ["redshift-quarantine", "list", "--json", str(place.file)])
    assert listed.exit_code == 1
    assert json.loads(listed.stdout)["object"] == bad
    assert "column amount" in json.loads(listed.stdout)["detail"]
    place.s3.put_object(Bucket=BUCKET, Key=bad, Body=body, Metadata=metadata)
    wrong = CliRunner().invoke(main, ["redshift-quarantine", "retry", "--key", "none", str(place.file)])
    assert wrong.exit_code == 2
    again = CliRunner().invoke(main, ["redshift-quarantine", "retry", str(place.file)])
    assert again.exit_code == 0
    assert bad in again.stdout
    place.work(place.loader())
    place.audit(run)
    assert CliRunner().invoke(main, ["redshift-quarantine", "list", str(place.file)]).exit_code == 0


def test_nothing_loads(place: Place) -> None:
    """Where every object is refused it is the table's fault: nothing is quarantined, and an operator is called."""
    run = place.stage_many(8, 10)
    database = place.connect()
    database.alter(f"ALTER TABLE {place.names.target} ADD COLUMN more bigint")
    database.alter(f"ALTER TABLE {place.names.target} RENAME COLUMN amount TO total")
    loader = place.loader()
    with pytest.raises(DeadlineReached, match="column amount is missing"):
        place.try_once(loader)
    assert place.ledger() == {}
    database.alter(f"ALTER TABLE {place.names.target} RENAME COLUMN total TO amount")
    database.close()
    place.work(loader)
    place.audit(run)


def test_all_bad(place: Place) -> None:
    """Where each object is bad, and no other one shows that the table is well, all of them wait."""
    place.stage_many(4, 10)
    for key in place.staged():
        place.spoil(key, WRONG)
    loader = place.loader()
    for _ in range(4):
        with pytest.raises(DeadlineReached, match="COPY refuses"):
            place.try_once(loader)
    assert place.ledger() == {}


def gone_before(place: Place) -> str:
    """Delete an object that nobody has listed."""
    key = place.staged()[2]
    place.remove(key)
    return key


def gone_between(place: Place) -> str:
    """Delete an object after the loader has listed it, and before COPY reads it."""
    key = place.staged()[2]
    place.house.faults.add(Fault("lock", action="call", call=lambda: place.remove(key)))
    return key


def gone_while_copied(place: Place) -> str:
    """Delete an object after the manifest was written, at COPY itself."""
    key = place.staged()[2]
    place.house.faults.add(Fault("copy", action="call", call=lambda: place.remove(key)))
    return key


@pytest.mark.parametrize("gone", [gone_before, gone_between, gone_while_copied])
def test_deleted(place: Place, gone: Callable[[Place], str]) -> None:
    """A staged object that is deleted is alarmed about, by what is missing; the others are loaded."""
    run = place.stage_many(6, 10)
    key = gone(place)
    lost = {record.sequence_number for record in run[20:30]}
    loader = place.loader()
    place.work(loader)
    (line,) = place.heard.of("staged_missing")
    follower = place.staged()[2]
    assert line["key"] == key or follower in line["reason"]
    assert loader.totals.problems
    assert {sequence for sequence, _ in place.rows()} == {one.sequence_number for one in run} - lost
    assert place.report().problems
    done = CliRunner().invoke(main, ["redshift-load", str(place.file)])
    assert done.exit_code == 1
    assert CliRunner().invoke(main, ["redshift-report", str(place.file)]).exit_code == 1


def test_control_manifest(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a manifest without `mandatory` lets COPY pass over a deleted object; only the count is left to tell."""

    def optional(bucket: str, objects: list[Staged]) -> bytes:
        return transaction.manifest(bucket, objects).replace(b'"mandatory":true', b'"mandatory":false')

    monkeypatch.setattr(loading, "manifest", optional)
    with pytest.raises(AssertionError, match="COPY itself"):
        copy_of_deleted(place)


def test_copy_itself_refuses(place: Place) -> None:
    """COPY fails where an object of the manifest is gone, before any count is asked for."""
    copy_of_deleted(place)


def copy_of_deleted(place: Place) -> None:
    """Load with an object that goes at COPY: COPY has to refuse it."""
    place.stage_many(4, 10)
    gone_while_copied(place)
    place.work(place.loader())
    texts = place.house.faults.texts
    first = next(at for at, text in enumerate(texts) if text.startswith("COPY"))
    assert "pg_last_copy_count" not in texts[first + 1], "COPY itself did not refuse the load"


def test_unreadable(place: Place) -> None:
    """An object whose metadata was lost in a copy is said to be unreadable, and the others are loaded."""
    place.stage_many(3, 10)
    key = place.staged()[1]
    body = place.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    place.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    loader = place.loader()
    place.work(loader)
    assert place.heard.of("staged_unreadable")[0]["key"] == key
    assert key in loader.totals.problems
    assert len(place.ledger()) == 2


def test_shorter(place: Place) -> None:
    """An object with fewer lines than its link says is not loaded: the count within the transaction finds it."""
    place.stage_many(4, 10)
    key = place.staged()[1]
    found = place.s3.get_object(Bucket=BUCKET, Key=key)
    lines = gzip.decompress(found["Body"].read()).splitlines(keepends=True)
    body = gzip.compress(b"".join(lines[:-1]), mtime=0)
    place.s3.put_object(Bucket=BUCKET, Key=key, Body=body, Metadata={**found["Metadata"], "bytes": str(len(body))})
    loader = place.loader()
    for _ in range(2):
        with pytest.raises(DeadlineReached, match="COPY refuses"):
            place.try_once(loader)
        stage_more(place, len(place.ledger()))
    place.work(loader)
    assert place.ledger()[key].status == "quarantined"
    assert "9 rows" in place.heard.of("quarantined")[0]["reason"]


def stage_more(place: Place, number: int) -> None:
    """Stage an object of another shard, which shows that the table is well."""
    place.stage(records([event(1)], 1000 * number), shard=f"shardId-{number:012d}")


def test_totals_as_json(place: Place) -> None:
    """`--json` says what was loaded, for machines."""
    place.stage_many(3, 10)
    done = CliRunner().invoke(main, ["redshift-load", "--json", str(place.file)])
    assert done.exit_code == 0, done.output
    totals = msgspec.json.decode(done.stdout.splitlines()[-1])
    assert (totals["objects"], totals["rows"], totals["waiting"], totals["quarantined"]) == (3, 30, 0, 0)


def test_copied_by_hand(place: Place) -> None:
    """An object that somebody copied to another name is held back, before and after the load of the first one."""
    run = place.stage_many(4, 10)
    first, second = place.staged()[1:3]
    copy = second.replace("0000000000.lines", "0000000001.lines")
    place.s3.copy_object(Bucket=BUCKET, Key=copy, CopySource={"Bucket": BUCKET, "Key": second})
    loader = place.loader()
    place.work(loader)
    assert place.heard.of("staged_doubled")[0]["key"] in {copy, second}
    assert len(place.ledger()) == 4
    again = first.replace("0000000000.lines", "0000000001.lines")
    place.s3.copy_object(Bucket=BUCKET, Key=again, CopySource={"Bucket": BUCKET, "Key": first})
    later = place.loader()
    place.work(later)
    assert again in later.totals.problems
    assert len(place.rows()) == len(run)
    assert CliRunner().invoke(main, ["redshift-report", str(place.file)]).exit_code == 1


def test_two_streams_into_one_table(place: Place, aws: Server, house: Warehouse, tmp_path: Path) -> None:
    """Objects of another staging area with the same names are another's: both are loaded, and neither alarms."""
    run = place.stage_many(3, 10)
    (tmp_path / "other").mkdir()
    other = Place(aws, house, tmp_path / "other", applicationName="others")
    other.write(database=place.database, prefix="other", maxRecords=10)
    other.stage(run)
    place.work(place.loader())
    other.work(other.loader())
    assert len(place.ledger()) == len(other.ledger()) == 3
    assert len(place.rows()) == 60
    assert not place.report().problems
    assert not other.report().problems
