"""From a record to its rows, or to the one reason why it makes none."""

import gzip
import json
import re
import zlib
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.documents.decode import Limits
from consumers.documents.document import Rejected
from consumers.letters.letter import KILLS_PROCESS
from consumers.records import Position, Record
from consumers.redshift.rows import RowMaker
from consumers.redshift.semistructured import MOST_LINE_BYTES
from consumers.redshift.table import Column, Table

TABLE = Table(
    1,
    "t",
    (
        Column("shard", "varchar(64)", "$shard", null=False),
        Column("seq", "varchar(64)", "$sequence", null=False),
        Column("sub", "bigint", "$sub", null=False),
        Column("document", "integer", "$document", null=False),
        Column("arrived_at", "timestamp", "$arrival", null=False),
        Column("session", "varchar(8)", null=False),
        Column("amount", "decimal(38,10)"),
        Column("count", "smallint"),
        Column("at", "timestamp"),
        Column("letter", "char(4)", "deep.letter"),
        Column("live", "boolean", "deep.live"),
        Column("rate", "real"),
        Column("rest", "super"),
    ),
)
DATA = "hunter2"
BAD: tuple[tuple[dict[str, Any] | bytes, str, str], ...] = (
    ({}, "missing", "session"),
    ({"session": None}, "missing", "session"),
    ({"session": f"{DATA}\u20ac{DATA}"}, "too_long", "session"),
    ({"session": "a\0b"}, "bad_character", "session"),
    ({"session": [DATA]}, "wrong_type", "session"),
    ({"session": "s", "amount": DATA}, "wrong_type", "amount"),
    ({"session": "s", "amount": "1.00000000001"}, "too_precise", "amount"),
    ({"session": "s", "count": 65536}, "out_of_range", "count"),
    ({"session": "s", "count": 1.5}, "too_precise", "count"),
    ({"session": "s", "at": DATA}, "bad_time", "at"),
    ({"session": "s", "at": 10**18}, "out_of_range", "at"),
    ({"session": "s", "deep": {"letter": "\u00e9"}}, "bad_character", "letter"),
    ({"session": "s", "deep": {"live": DATA}}, "wrong_type", "live"),
    ({"session": "s", "rate": 1e300}, "out_of_range", "rate"),
    ({"session": "s", "rest": [{DATA: "a\0b"}]}, "bad_character", "rest"),
    ({"session": "s", "rest": ["x" * 65_535] * 70}, "row_too_large", ""),
    (b"", "empty", ""),
    (b'{"session":"hunter2"', "json_invalid", ""),
    (b'["hunter2"]', "not_object", ""),
    (b'[{"session":"s"},"hunter2"]', "not_object", ""),
    (b'{"session":"s","session":"s"}', "duplicate_key", ""),
    (b'{"session":"\\ud83d"}', "surrogate", ""),
    (b'{"session":"s","count":123456789012345678901}', "out_of_range", "count"),
    (gzip.compress(b'{"session":"s"}', mtime=0)[:-9], "compressed_invalid", ""),
)


def maker(table: Table = TABLE, **limits: Any) -> RowMaker:
    return RowMaker("stream", "shard-1", table, Limits(**limits))


def record(payload: bytes | dict[str, Any], sub: int = 0) -> Record:
    data = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    return Record(data, "key", "123", 1_764_500_000_001, sub)


def rows(payload: bytes | dict[str, Any], **keys: Any) -> list[dict[str, Any]]:
    judged = maker(**keys).judge(record(payload))
    assert not isinstance(judged, Rejected), judged
    for line in judged:
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
    return [json.loads(line, parse_float=Decimal) for line in judged]


def one(kind: str, **keys: Any) -> Table:
    return Table(1, "t", (Column("a", kind, **keys),))


def test_a_row_has_its_columns_and_which_record_it_is_of() -> None:
    """No two rows of a table have the same shard, position and document."""
    judged = maker().judge(record({"session": "s", "count": 3, "deep": {"live": True, "other": 1}, "more": 1}, sub=2))
    assert isinstance(judged, tuple)
    assert [json.loads(line) for line in judged] == [
        {
            "shard": "shard-1",
            "seq": "123",
            "sub": 2,
            "document": 0,
            "arrived_at": "2025-11-30 10:53:20.001000",
            "session": "s",
            "count": 3,
            "live": True,
        }
    ]


@pytest.mark.parametrize(("payload", "reason", "name"), BAD)
def test_each_way_of_being_invalid_has_its_reason(payload: dict[str, Any] | bytes, reason: str, name: str) -> None:
    """It names the column, and holds no data of the record."""
    judged = maker().judge(record(payload))
    assert isinstance(judged, Rejected)
    assert judged.reason == reason
    assert DATA not in judged.detail
    if name:
        assert judged.detail.startswith(f"column {name}: ")


def test_several_documents_make_several_rows() -> None:
    """One on each line, or one after the other, or packed; each with its number."""
    texts = [b'{"session":"a"}', b'{"session":"b"}', b'{"session":"c"}']
    listed = b"[" + b", ".join(texts) + b"]"
    for payload in (
        b"\n".join(texts),
        b"".join(texts),
        listed,
        gzip.compress(b"\n".join(texts)),
        zlib.compress(listed),
    ):
        assert [(row["document"], row["session"]) for row in rows(payload)] == [(0, "a"), (1, "b"), (2, "c")]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_record_fails_whole(at: int) -> None:
    """One document that makes no row, and the record has none: its dead letter holds all of it."""
    texts = [b'{"session":"a"}', b'{"session":"b"}', b'{"session":"c"}']
    texts[at] = b'{"session":"much too long"}'
    judged = maker().judge(record(b"\n".join(texts)))
    assert judged == Rejected("too_long", "column session: the value has 13 bytes, and varchar(8) holds 8")


def test_a_field_of_the_document_does_not_stand_for_what_is_of_the_record() -> None:
    """Whoever sends a field named $sequence changes nothing."""
    assert rows(b'{"session":"s","$sequence":"999","$shard":"x"}')[0]["seq"] == "123"


def test_a_path_that_leads_nowhere_is_null() -> None:
    """Also through a value that is no object."""
    nowhere: tuple[Any, ...] = ({}, 1, "x", [], None, {"letter": None})
    for deep in nowhere:
        assert "letter" not in rows({"session": "s", "deep": deep})[0]


@pytest.mark.parametrize(
    "number", ["0.1234567890", "1234567890123456789012345678.0987654321", "1e-10", "9007199254740993.5"]
)
def test_a_decimal_is_as_it_was_written(number: str) -> None:
    """A number of JSON is not read as 64 bits first."""
    row = rows(f'{{"session":"s","amount":{number}}}'.encode())[0]
    assert Decimal(row["amount"]) == Decimal(number)


def test_an_integer_written_as_a_fraction_is_exact() -> None:
    """Beyond 2^53, 64-bit floats skip every other integer."""
    assert rows(b'{"a":9007199254740993.0}', table=one("bigint")) == [{"a": 9007199254740993}]
    judged = maker(one("bigint")).judge(record(b'{"a":9007199254740993.25}'))
    assert isinstance(judged, Rejected)
    assert judged.reason == "too_precise"


def test_a_time_with_more_than_microseconds_is_not_cut() -> None:
    """A float would drop what lies beyond them."""
    judged = maker(one("timestamp")).judge(record(b'{"a":1764500000000.1230001}'))
    assert isinstance(judged, Rejected)
    assert judged.reason == "too_precise"
    assert rows(b'{"a":1764500000000.123}', table=one("timestamp")) == [{"a": "2025-11-30 10:53:20.000123"}]


@pytest.mark.parametrize("kind", ["decimal(9,2)", "bigint", "timestamp", "double precision", "real", "super"])
@pytest.mark.parametrize("number", ["1e-99999999999999999999", "0e99999999999999999999", "0e999999999", "1e-999999999"])
def test_an_exponent_of_any_length_ends_nothing(kind: str, number: str) -> None:
    """The record is a row or a dead letter, and the process goes on."""
    judged = maker(one(kind)).judge(record(f'{{"a":{number}}}'.encode()))
    assert isinstance(judged, tuple) or judged.reason in {"too_precise", "out_of_range"}


def test_unfit_null_leaves_the_row() -> None:
    """Also for a number that has to be read exactly."""
    table = Table(1, "t", (Column("a", "decimal(3,1)", unfit="null"), Column("b", "integer")))
    assert rows(b'{"a":1.234,"b":1}', table=table) == [{"b": 1}]
    assert rows(b'{"a":{"x":1},"b":2}', table=table) == [{"b": 2}]


def test_a_row_may_be_as_long_as_copy_takes() -> None:
    """To the byte, with its newline."""
    table = one("super")
    fill = MOST_LINE_BYTES - len(b'{"a":[""]}\n')
    texts = ["x" * 65_000] * (fill // 65_003)
    texts.append("x" * (fill - sum(len(text) + 3 for text in texts)))
    line = maker(table).judge(record({"a": texts}))
    assert isinstance(line, tuple)
    assert len(line[0]) == MOST_LINE_BYTES
    texts[-1] += "x"
    judged = maker(table).judge(record({"a": texts}))
    assert judged == Rejected(
        "row_too_large", f"the row has {MOST_LINE_BYTES + 1} bytes, and COPY takes {MOST_LINE_BYTES}"
    )


NUMBERS = ("1.10", "0.1234567890123456789", "-0.0", "1e5", "1E+05", "18446744073709551615", "1" * 38, "7")
LARGE = b',"fill":"' + b"x" * 300_000 + b'"}'


def written(payload: bytes, kind: str, path: str = "a.b") -> Any:
    """Give what stands in the row, as text, for a column that reads this path."""
    judged = maker(one(kind, source=path)).judge(record(payload))
    if isinstance(judged, Rejected):
        return judged.reason
    row = msgspec.json.decode(judged[0], type=dict[str, msgspec.Raw])
    return bytes(row["a"]).decode() if "a" in row else None


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("large", [False, True])
def test_each_digit_is_as_it_was_written(number: str, large: bool) -> None:
    """In a text, a decimal and a super, whether a document is small enough to be kept as values or not."""
    for template in ('{"a":{"b":%s}}', '{"a.b":%s}', '{"a":[{"b":%s},{"c":1.5}]}'):
        payload = (template % number).encode()
        payload = payload[:-1] + LARGE if large else payload
        assert written(payload, "varchar(60)") == f'"{number}"'
        assert written(payload, "super") == number
        exact = written(payload, "decimal(38,19)")
        if exact != "out_of_range":
            assert Decimal(exact.strip('"')) == Decimal(number)
        assert float(written(payload, "double precision")) == float(number)
    nested = f'{{"a":{{"b":{{"c":[{number},{{"d":{number}}}]}}}}}}'.encode()
    assert written(nested[:-1] + LARGE if large else nested, "super") == nested[10:-2].decode()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("kind", ["real", "double precision"])
def test_a_float_is_never_nothing_unseen(kind: str, large: bool) -> None:
    """What is less than the column holds is refused, and a zero keeps its sign, whatever the size of the document."""
    for number, fits in (("1e-400", "out_of_range"), ("-1e-400", "out_of_range"), ("-0.0", "-0.0"), ("0.0", "0.0")):
        for template in ('{"a":{"b":%s}}', '{"a":[{"b":%s}]}'):
            payload = (template % number).encode()
            assert written(payload[:-1] + LARGE if large else payload, kind) == fits


@pytest.mark.parametrize("large", [False, True])
def test_scalars_are_the_texts_that_they_were_written_as(large: bool) -> None:
    """A column of text takes a number and a boolean; no list, and no object."""
    for json_text, text in (("true", '"true"'), ("0", '"0"'), ("-0", '"-0"'), ("-1.50", '"-1.50"'), ('"x"', '"x"')):
        payload = b'{"a":{"b":%b}}' % json_text.encode()
        assert written(payload[:-1] + LARGE if large else payload, "varchar(9)") == text
    for json_text in ("[1]", "{}", '{"a":1}', "[[]]"):
        payload = b'{"a":{"b":%b}}' % json_text.encode()
        assert written(payload[:-1] + LARGE if large else payload, "varchar(9)") == "wrong_type"
    assert written(b'{"a":{"b":null}}', "varchar(9)") is None


def test_a_number_that_no_column_reads_is_no_matter() -> None:
    """However large it is; and a column that could hold it does."""
    payload = b'{"a":1,"trace":18446744073709551615,"huge":1e400,"long":' + b"1" * 9_000 + b"}"
    assert rows(payload, table=one("integer")) == [{"a": 1}]
    assert written(payload, "decimal(20,0)", "trace") == '"18446744073709551615"'
    assert written(payload, "varchar(20)", "trace") == '"18446744073709551615"'
    assert written(payload, "bigint", "trace") == "out_of_range"
    for kind in ("decimal(38,0)", "bigint", "double precision", "real", "timestamp", "super"):
        assert written(payload, kind, "huge") == written(payload, kind, "long") == "out_of_range"
    assert written(payload, "varchar(9)", "huge") == '"1e400"'
    assert written(payload, "varchar(9)", "long") == "too_long"


@pytest.mark.parametrize("large", [False, True])
def test_a_path_is_found_as_a_search_server_finds_it(large: bool) -> None:
    """With dots in names, and through lists; of several values, a super takes all, and another column none."""
    found = {
        b'{"a":{"b":"x"}}': '"x"',
        b'{"a.b":"x"}': '"x"',
        b'{"a":[{"b":"x"}]}': '"x"',
        b'{"a":[[{"c":1},{"b":"x"}],null,1]}': '"x"',
        b'{"a":[{"b":null},{"b":"x"}]}': '"x"',
        b'{"a":{"b":null},"a.b":"x"}': '"x"',
        b'{"a":[]}': None,
        b'{"a":[{"b":null}]}': None,
        b'{"a":"x"}': None,
        b'{"a":[{"b":"x"},{"b":"y"}]}': "several_values",
        b'{"a":{"b":"x"},"a.b":"x"}': "several_values",
    }
    for payload, expected in found.items():
        text = payload[:-1] + LARGE if large else payload
        assert written(text, "varchar(9)") == expected, payload
    several = b'{"a":[{"b":1.10},{"b":{"c":[2.0]}}]}'
    several = several[:-1] + LARGE if large else several
    assert written(several, "super") == '[1.10,{"c":[2.0]}]'
    assert rows(several, table=one("decimal(9,2)", source="a.b", unfit="null")) == [{}]


def test_positional_names_are_not_looked_for_in_documents() -> None:
    """A zero of theirs neither."""
    table = Table(1, "t", (Column("a", "varchar(9)", "$sub"), Column("b", "varchar(9)", "$document")))
    assert rows(b'{"$sub":"x"}\n{"b.c":1}', table=table) == [{"a": "0", "b": "0"}, {"a": "0", "b": "1"}]


def test_a_list_too_large_to_be_looked_into_is_said() -> None:
    """Where a column leads into it."""
    payload = b'{"a":[' + b'{"b":1,"c":2},' * 60_000 + b"{}]}"
    assert written(payload, "integer") == "too_many_values"
    assert written(payload, "integer", "a.x") is None


def test_a_condemned_record_is_not_touched() -> None:
    """It would end the process; its neighbours are judged."""
    it = maker()
    it.condemned = {Position(123, 1): KILLS_PROCESS}
    judged = it.judge(record({"session": "s"}, sub=1))
    assert isinstance(judged, Rejected)
    assert judged.reason == KILLS_PROCESS
    assert isinstance(it.judge(record({"session": "s"}, sub=2)), tuple)


TOKENS = rb"""{"session":"s" } { "amount": "at": "rest": , 1e-9 1.5 null "x" [ ] \x22 -0.0 1e400 "\u0000" "\ud800" """
PIECES = st.sampled_from([*TOKENS.split(), b"\xff", b"\n", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"])


@given(st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=14).map(b"".join)))
def test_no_bytes_make_it_raise(payload: bytes) -> None:
    """Whatever a producer sends becomes rows or one rejection with a reason."""
    judged = maker().judge(record(payload))
    if isinstance(judged, Rejected):
        assert re.fullmatch("[a-z_]+", judged.reason)
    else:
        assert all(msgspec.json.decode(line)["seq"] == "123" for line in judged)


@given(
    st.dictionaries(
        st.sampled_from(["session", "amount", "count", "at", "rate", "deep", "rest"]),
        st.text(max_size=9)
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.booleans(),
    )
)
def test_no_value_makes_it_raise(fields: dict[str, Any]) -> None:
    """Each column meets values of each type."""
    text = json.dumps(fields, ensure_ascii=True).encode()
    judged = maker().judge(record(text))
    assert isinstance(judged, tuple | Rejected)


def test_a_record_without_a_key_has_null_for_it() -> None:
    """An empty key is a text; where the column may not be NULL, the record is a dead letter as for any other column."""
    column = Column("key", "varchar(256)", "$partitionKey")
    keyless, empty = (Record(b"{}", key, "123", 1_764_500_000_001) for key in (None, ""))
    table = Table(1, "t", (column,))
    assert maker(table).judge(keyless) == (b"{}\n",)
    assert maker(table).judge(empty) == (b'{"key":""}\n',)
    strict = Table(1, "t", (msgspec.structs.replace(column, null=False),))
    assert maker(strict).judge(empty) == (b'{"key":""}\n',)
    rejected = maker(strict).judge(keyless)
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.detail) == ("missing", "column key: the record has no $partitionKey")
