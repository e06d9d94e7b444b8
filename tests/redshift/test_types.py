"""The types that a table file may name, and how they are written."""

import pytest

from consumers.redshift.types import ColumnType, WrongType, grows, type_of


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("smallint", "smallint"),
        ("INT2", "smallint"),
        ("int", "integer"),
        ("int8", "bigint"),
        ("float4", "real"),
        ("float", "double precision"),
        ("Double Precision", "double precision"),
        ("bool", "boolean"),
        ("date", "date"),
        ("timestamp without time zone", "timestamp"),
        ("timestamp with time zone", "timestamptz"),
        ("super", "super"),
        (" varchar( 65535 ) ", "varchar(65535)"),
        ("character varying(1)", "varchar(1)"),
        ("character(4096)", "char(4096)"),
        ("numeric(38, 37)", "decimal(38,37)"),
        ("decimal(9)", "decimal(9,0)"),
        ("decimal(2,2)", "decimal(2,2)"),
    ],
)
def test_a_type_is_read_as_people_and_the_catalogue_spell_it(text: str, sql: str) -> None:
    """One type has one spelling afterwards, which reads as itself."""
    assert str(type_of(text)) == sql
    assert type_of(sql) == type_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "varchar",
        "varchar(0)",
        "varchar(65536)",
        "varchar(max)",
        "varchar(1,1)",
        "char(4097)",
        "decimal",
        "decimal(39,0)",
        "decimal(38,38)",
        "decimal(2,3)",
        "integer(4)",
        "super(1)",
        "varbyte(4)",
        "varchar(\u0661)",
        "integer; drop table x",
        "timestamp\0",
    ],
)
def test_another_type_is_refused_with_the_types_there_are(text: str) -> None:
    """The message names what was written, and every type to choose from."""
    with pytest.raises(WrongType, match=r"is no type for a column. Give smallint, .*varchar\(bytes\) up to 65535"):
        type_of(text)


def test_a_long_text_is_not_repeated_whole() -> None:
    """A file that is no table file does not fill the log."""
    with pytest.raises(WrongType) as raised:
        type_of("x" * 10_000)
    assert len(str(raised.value)) < 400


def test_integers_know_their_bits() -> None:
    """They are what a value's range follows from."""
    assert [type_of(name).size for name in ("smallint", "integer", "bigint")] == [16, 32, 64]


@pytest.mark.parametrize(
    ("before", "after", "can"),
    [
        ("varchar(10)", "varchar(11)", True),
        ("varchar(10)", "varchar(10)", False),
        ("varchar(10)", "varchar(9)", False),
        ("char(10)", "char(11)", False),
        ("integer", "bigint", False),
        ("decimal(9,2)", "decimal(18,2)", False),
    ],
)
def test_only_a_varchar_grows_in_place(before: str, after: str, *, can: bool) -> None:
    """Whatever else changes needs another column."""
    assert grows(type_of(before), type_of(after)) is can


def test_a_type_compares_by_what_it_is() -> None:
    """So a file that spells a type otherwise is no changed table."""
    assert type_of("int4") == ColumnType("integer", 32)
