"""What an operator, cron and a report read: hours, ages, exit codes; and what is removed after a while."""

import json

from click.testing import CliRunner

from consumers.cli import main
from consumers.config.settings import load
from consumers.records import HOUR_MS, Record
from consumers.redshift.frontier import FULL_EACH
from consumers.redshift.loader import Bounds
from consumers.redshift.service import Service
from consumers.redshift.windows import windows_of
from consumers.registry import CONSUMERS
from tests.support.archive import BUCKET
from tests.support.warehouse import ARRIVED_MS, WHOLE_HOUR_MS, Place, event, records


def hours(place: Place, count: int) -> list[Record]:
    """Stage one object in each of so many hours."""
    run = records([event(number) for number in range(10 * count)], arrived_ms=WHOLE_HOUR_MS, step_ms=HOUR_MS // 10)
    place.stage(run)
    return run


def test_report(place: Place) -> None:
    """The report counts objects and rows by their arrival hour, and its exit code says whether anything waits long."""
    hours(place, 3)
    waits = CliRunner().invoke(main, ["redshift-report", "--json", str(place.file)])
    assert waits.exit_code == 1
    found = json.loads(waits.stdout)
    assert sum(hour["waiting"] for hour in found["hours"]) == len(place.staged())
    assert found["oldestWaitingSeconds"] > 3600
    assert CliRunner().invoke(main, ["redshift-report", "--max-age", "99999h", str(place.file)]).exit_code == 2
    assert CliRunner().invoke(main, ["redshift-report", "--max-age", "8784h", str(place.file)]).exit_code == 0
    place.work(place.loader())
    loaded = CliRunner().invoke(main, ["redshift-report", "--json", str(place.file)])
    assert loaded.exit_code == 0, loaded.output
    found = json.loads(loaded.stdout)
    assert sum(hour["loadedRows"] for hour in found["hours"]) == 30
    assert found["oldestWaitingSeconds"] is None
    text = CliRunner().invoke(main, ["redshift-report", str(place.file)])
    assert "rows loaded" in text.stdout


def test_ledger_answers(place: Place) -> None:
    """The ledger says what was loaded when, from which object, by whom, how many rows, and how late."""
    hours(place, 2)
    place.work(place.loader())
    rows = place.ask(
        "SELECT object, load_id, loaded_at, loader, row_count, records, rejected, last_arrival, sha256 "
        f"FROM {place.names.ledger}"
    )
    assert {row[0] for row in rows} == {f"s3://{BUCKET}/{key}" for key in place.staged()}
    assert all(row[3] == "worker-1" and row[4] == row[5] and row[2] > row[7] for row in rows)
    by_hour = place.ask(f"SELECT arrival_hour, status, row_count, latest FROM {place.names.hours}")
    assert sum(row[2] for row in by_hour) == 20


def test_pruned(place: Place) -> None:
    """What was loaded is removed after redshift.keepHours; its row in the ledger stays, and says that it was loaded."""
    run = hours(place, 3)
    place.write(keepHours=48)
    place.work(place.loader())
    assert len(place.staged()) == 3, "nothing is removed by the look that loads it"
    place.work(place.loader())
    assert place.staged() == []
    assert place.heard.of("pruned")[0]["objects"] == 3
    assert len(place.ledger()) == 3
    assert len(place.rows()) == len(run)
    report = place.report()
    assert not report.problems
    assert sum(hour.loaded for hour in report.hours) in {0, 3}


def test_nothing_waiting_is_pruned(place: Place) -> None:
    """What is not loaded stays, however old it is."""
    hours(place, 2)
    place.write(keepHours=48)
    database = place.connect()
    database.alter(f"ALTER TABLE {place.names.target} RENAME COLUMN amount TO total")
    CliRunner().invoke(main, ["redshift-load", "--patience", "0", str(place.file)])
    assert len(place.staged()) == 2


def test_no_load_window(place: Place) -> None:
    """In a window of redshift.noLoad nothing is loaded, and the exit code is that of success."""
    hours(place, 1)
    place.write(noLoad="* * * * * for 1h")
    done = CliRunner().invoke(main, ["redshift-load", str(place.file)])
    assert done.exit_code == 0
    assert place.ledger() == {}
    place.write(noLoad="")
    section = load(place.file, CONSUMERS).section
    assert not windows_of(section.no_load)
    service = Service(place.loader(), Bounds(200, 1 << 40, 0), (), place.patience())
    service.once(60)
    assert len(place.ledger()) == 1


def test_due(place: Place) -> None:
    """A load waits until it is full, or until its oldest record is old enough."""
    run = records([event(number) for number in range(20)], arrived_ms=ARRIVED_MS)
    place.write(maxRecords=10)
    place.stage(run)
    loader = place.loader()
    age_s = (loader.now_ms() - ARRIVED_MS) / 1000
    loader.work(Bounds(files=10, bytes=1 << 40, age_s=age_s + 3600))
    assert place.ledger() == {}
    assert loader.totals.waiting == 2
    loader.work(Bounds(files=2, bytes=1 << 40, age_s=age_s + 3600))
    assert len(place.ledger()) == 2


def test_late_hours_are_found(place: Place) -> None:
    """Objects of an hour long past are found by a loader that has looked before: a consumer may catch up."""
    loader = place.loader()
    place.work(loader)
    run = hours(place, 2)
    for _ in range(FULL_EACH):
        loader.work(Bounds(200, 1 << 40, 0))
        if place.ledger():
            break
    place.audit(run)
