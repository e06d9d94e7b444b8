"""The table file: what it may say, and that each fault names the column and what to write."""

from pathlib import Path

import pytest

from consumers.documents.decode import Limits
from consumers.documents.document import Rejected
from consumers.records import Record
from consumers.redshift import settings
from consumers.redshift.rows import RowMaker
from consumers.redshift.table import POSITIONAL, Column, Table, WrongTable, parse_table, read_table

HEAD = 'version = 1\nname = "t"\n'


def table(columns: str, head: str = HEAD) -> str:
    """Write a table file whose columns are given as lines, with `---` between two."""
    return head + "".join(f"[[columns]]\n{column.strip()}\n" for column in columns.split("---"))


def test_a_table_file_is_read() -> None:
    """With what is not given left at the harmless value."""
    read = parse_table(
        table(
            'name = "a"\ntype = "varchar(3)"\nnull = false --- name = "b"\nfrom = "x.y"\ntype = "super"',
            HEAD + 'distkey = "a"\nsortkey = ["a"]\n',
        )
    )
    assert read.names == ("a", "b")
    assert [column.path for column in read.columns] == ["a", "x.y"]
    assert read.columns[0] == Column("a", "varchar(3)", null=False)
    assert (read.columns[1].truncate, read.columns[1].round, read.columns[1].unfit) == (False, False, "reject")


def test_the_table_that_comes_along_is_one() -> None:
    """Each row of it says which record it is of."""
    text = Path(settings.__file__).with_name("tables") / "epas.toml"
    read = parse_table(text.read_text(encoding="utf-8"))
    keys = {column.path: column.null for column in read.columns if column.path in POSITIONAL}
    assert {"$shard": False, "$sequence": False, "$sub": False, "$document": False}.items() <= keys.items()


@pytest.mark.parametrize(
    "sent", ["1764244800123.4001", '"2026-11-27T12:00:00.123456789Z"', '"1764244800123"', '"2026-11-27T12"']
)
def test_the_table_that_comes_along_takes_each_time_that_the_index_takes(sent: str) -> None:
    """Browsers' clocks and those of Go have digits beyond microseconds: no event is a dead letter for them."""
    text = Path(settings.__file__).with_name("tables") / "epas.toml"
    maker = RowMaker("s", "shardId-000000000000", parse_table(text.read_text(encoding="utf-8")), Limits())
    payload = f'{{"event":"play","sessionId":"s","timestamp":{sent}}}'.encode()
    judged = maker.judge(Record(payload, "k", "1", 1764244800123))
    assert not isinstance(judged, Rejected)
    assert b'"event_at":"202' in judged[0]


def test_what_is_stored_reads_as_the_same_table() -> None:
    """The loader sees what the stage saw; the bytes do not depend on how the file was laid out."""
    one = parse_table(table('name = "a"\ntype = "int" --- name = "b"\ntype = "date"'))
    other = parse_table("# a remark\n" + table('type = "int"\nname = "a" --- type = "date"\nnull = true\nname = "b"'))
    assert one == other
    assert one.canonical() == other.canonical()
    assert read_table(one.canonical()) == one


@pytest.mark.parametrize(
    ("columns", "told", "remedy"),
    [
        ('name = "Upper"\ntype = "int"', "column Upper", "lower-case letters"),
        ('name = "1st"\ntype = "int"', "column 1st", "lower-case letters"),
        ('name = "xmin"\ntype = "int"', "column xmin", "Give another one, and from = xmin"),
        ('name = "a;b"\ntype = "int"', "column a;b", "lower-case letters"),
        ('name = "a"\ntype = "text"', "column a", "Give smallint"),
        ('name = "a"\ntype = "varchar(70000)"', "column a", "up to 65535"),
        ('name = "a"\ntype = "int"\nfrom = "$sequence_number"', "column a", "Give a field's path, or one of $arrival"),
        ('name = "a"\ntype = "timestamp"\nfrom = "$arrival"\nepoch = "s"', "column a", "Leave epoch out"),
        ('name = "a"\ntype = "int"\nfrom = "x..y"', "column a", "Write names with dots between"),
        ('name = "a"\ntype = "int"\nfrom = "x\u200by"', "column a", "U+200B, zero width space. Type it anew"),
        ('name = "a"\ntype = "int"\nfrom = "x. y"', "column a", "Write names with dots between them"),
        ('name = "a"\ntype = "int"\nfrom = "\'x\'"', "column a", "Write names with dots between them"),
        ('name = "a"\ntype = "int"\nfrom = "x."', "column a", "Write names with dots between"),
        ('name = "a"\ntype = "int"\ntruncate = true', "column a", "for varchar and char. Leave it out"),
        ('name = "a"\ntype = "varchar(3)"\nround = true', "column a", "for integers, decimals and times. Leave it"),
        ('name = "a"\ntype = "real"\nround = true', "column a", "for integers, decimals and times. Leave it out"),
        ('name = "a"\ntype = "int"\nnull = false\nunfit = "null"', "column a", "contradicts null = false. Leave one"),
        ('name = "a"\ntype = "int"\nencode = "az64; drop"', "column a", "such as az64 or zstd"),
        ('name = "b"\ntype = "int" --- name = "b"\ntype = "int"', "column b", "twice. Rename one"),
    ],
)
def test_a_wrong_column_is_named_with_its_remedy(columns: str, told: str, remedy: str) -> None:
    """Whoever wrote the file sees where, and what to write instead."""
    with pytest.raises(WrongTable) as raised:
        parse_table(table(columns))
    assert str(raised.value).startswith(told)
    assert remedy in str(raised.value)
    assert raised.value.exit_code == 78


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ('version = 0\nname = "t"\n', "version"),
        ('version = 1\nname = "T"\n', "name 'T': write lower-case letters"),
        ('version = 1\nname = "t; drop"\n', "write lower-case letters"),
        (f'version = 1\nname = "{"t" * 121}"\n', "_ledger is to follow. Shorten it"),
        (HEAD + 'distkey = "b"\n', "the key column b is none of its columns. Correct distkey or sortkey"),
        (HEAD + 'sortkey = ["a", "c"]\n', "the key column c is none of its columns. Correct distkey or sortkey"),
        (HEAD + "columnz = 1\n", "columnz"),
        ('name = "t"\n', "version"),
        ("version = \n", "is no TOML"),
    ],
)
def test_a_wrong_head_is_told(head: str, told: str) -> None:
    """What concerns the whole table is said of the table."""
    with pytest.raises(WrongTable) as raised:
        parse_table(table('name = "a"\ntype = "int"', head))
    assert told in str(raised.value)


def test_a_super_column_is_no_key() -> None:
    """The database would refuse to make the table."""
    with pytest.raises(WrongTable, match=r"column a: super can be no key. Correct distkey or sortkey"):
        parse_table(table('name = "a"\ntype = "SUPER"', HEAD + 'distkey = "a"\n'))


def test_a_misspelt_key_of_a_column_is_refused() -> None:
    """Nothing that somebody meant is passed over."""
    with pytest.raises(WrongTable, match="nulll"):
        parse_table(table('name = "a"\ntype = "int"\nnulll = false'))


def test_a_table_without_columns_is_none() -> None:
    """Nor is one with more than the database has."""
    with pytest.raises(WrongTable, match=r"0 columns. Give 1 to 1600"):
        parse_table(HEAD + "columns = []\n")
    many = " --- ".join(f'name = "c{n}"\ntype = "int"' for n in range(1601))
    with pytest.raises(WrongTable, match=r"1601 columns. Give 1 to 1600"):
        parse_table(table(many))


def test_something_else_stored_is_no_table() -> None:
    """A damaged state object is told apart from a table."""
    for stored in (b"", b"[]", b'{"version":1}', Table(1, "t", ()).canonical()[:-2]):
        with pytest.raises(WrongTable, match="is no stored table"):
            read_table(stored)
