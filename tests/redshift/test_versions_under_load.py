"""The table moves to a new version of its file while both are staged and loaded."""

import threading

from click.testing import CliRunner

from consumers.cli import main
from consumers.redshift.loader import Bounds
from consumers.redshift.standing import standing
from tests.support.warehouse import TABLE, Place, event, records

NEXT = (
    TABLE.replace("version = 1", "version = 2").replace("varchar(16)", "varchar(40)")
    + """
[[columns]]
name = "country"
type = "varchar(2)"
"""
)


def test_step_under_load(place: Place) -> None:
    """A column comes and another one grows while a loader works: rows of both versions stand, each once."""
    place.write(maxRecords=5)
    old = records([event(number) for number in range(100)])
    place.stage(old)
    loader = place.loader()
    few = Bounds(files=2, bytes=1 << 40, age_s=0)
    thread = threading.Thread(target=place.work, args=(loader, few), daemon=True)
    thread.start()
    (place.folder / "table.toml").write_text(NEXT)
    behind = CliRunner().invoke(main, ["redshift-ddl", "--step", str(place.file)])
    assert behind.exit_code == 1, behind.output
    assert "ADD COLUMN country VARCHAR(2)" in behind.stdout
    assert "ALTER COLUMN session TYPE VARCHAR(40)" in behind.stdout
    new = records([event(number) for number in range(100, 150)], first=100)
    place.write()
    place.stage(new, checkpoint=str(old[-1].position))
    early = place.loader()
    applied = CliRunner().invoke(main, ["redshift-ddl", "--apply", str(place.file)])
    assert applied.exit_code == 0, applied.output
    thread.join(60)
    assert not thread.is_alive()
    place.work(early)
    place.audit([*old, *new])
    again = CliRunner().invoke(main, ["redshift-ddl", "--step", str(place.file)])
    assert (again.exit_code, again.stdout) == (0, "")
    assert "country" in standing(place.connect(), place.names)


def test_behind(place: Place) -> None:
    """Objects of a version that the table is not at yet wait, with the command to bring it up; then they are loaded."""
    (place.folder / "table.toml").write_text(NEXT)
    place.write()
    run = records([event(number) for number in range(20)])
    place.stage(run)
    waits = CliRunner().invoke(main, ["redshift-load", "--patience", "0", str(place.file)])
    assert waits.exit_code == 69
    assert "redshift-ddl --apply" in waits.stderr
    assert CliRunner().invoke(main, ["redshift-ddl", "--apply", str(place.file)]).exit_code == 0
    place.work(place.loader())
    place.audit(run)


def test_no_way(place: Place) -> None:
    """A column that would have to change its type is refused, with the way round."""
    (place.folder / "table.toml").write_text(NEXT.replace('type = "bigint"', 'type = "double precision"'))
    refused = CliRunner().invoke(main, ["redshift-ddl", "--apply", str(place.file)])
    assert refused.exit_code == 78
    assert "column amount" in refused.output
    assert "another name" in refused.output


def test_printed(place: Place) -> None:
    """Without an option everything is printed, as a script that the database takes."""
    printed = CliRunner().invoke(main, ["redshift-ddl", str(place.file)])
    assert printed.exit_code == 0
    assert place.house.password not in printed.output
    database = place.connect()
    for statement in printed.stdout.split(";\n"):
        if statement.strip():
            database.alter(statement)
