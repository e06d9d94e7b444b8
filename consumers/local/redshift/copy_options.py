"""Parses a COPY statement. Pure."""

from dataclasses import dataclass, field

from consumers.local.redshift.sql import tokens
from consumers.local.redshift.wire import ServerError

_ONE = frozenset({"REGION", "TIMEFORMAT", "DATEFORMAT", "MAXERROR", "JSON", "IAM_ROLE", "CREDENTIALS"})
_MAYBE = frozenset({"STATUPDATE", "COMPUPDATE", "ACCEPTINVCHARS"})
_FLAGS = frozenset({"GZIP", "MANIFEST", "TRUNCATECOLUMNS", "BLANKSASNULL", "EMPTYASNULL", "ROUNDEC", "ACCEPTANYDATE"})
_WORDS = frozenset({"ON", "OFF", "TRUE", "FALSE", "PRESET"})


@dataclass(slots=True)
class CopyStatement:
    """A COPY: the table, its columns, the source, and the options by their names in capitals."""

    table: list[str]
    columns: list[str] | None
    source: str
    options: dict[str, str] = field(default_factory=dict)


def is_copy(sql: str) -> bool:
    """Return whether a statement is a COPY from S3."""
    words = tokens(sql)
    upper = [word.upper() for word in words]
    return (
        bool(words) and upper[0] == "COPY" and "FROM" in upper and words[upper.index("FROM") + 1].startswith("'s3://")
    )


def read_copy(sql: str) -> CopyStatement:
    """Parse a COPY statement.

    Raises:
        ServerError: the stand-in does not support it.
    """
    words = [word for word in tokens(sql) if word != ";"]
    at = 1
    table = [_name(words[at])]
    at += 1
    while words[at] == ".":
        table.append(_name(words[at + 1]))
        at += 2
    columns = None
    if words[at] == "(":
        end = words.index(")", at)
        columns = [_name(word) for word in words[at + 1 : end] if word != ","]
        at = end + 1
    statement = CopyStatement(table, columns, _name(words[at + 1]))
    at += 2
    while at < len(words):
        at = _option(words, at, statement.options)
    if not {"IAM_ROLE", "CREDENTIALS"} & statement.options.keys():
        message = "must specify credentials"
        raise ServerError(message)
    if statement.options.get("MAXERROR", "0") != "0":
        message = "the stand-in skips no row: MAXERROR is 0"
        raise ServerError(message, "0A000")
    if "JSON" not in statement.options:
        message = "the stand-in copies JSON alone"
        raise ServerError(message, "0A000")
    return statement


def _option(words: list[str], at: int, options: dict[str, str]) -> int:
    name = words[at].upper()
    at += 1
    if at < len(words) and words[at].upper() == "AS":
        at += 1
    if name in {"WITH", "FORMAT"}:
        return at
    if name in _ONE and at < len(words):
        options[name] = _name(words[at])
        return at + 1
    if name in _MAYBE:
        given = at < len(words) and (words[at][0] == "'" or words[at].upper() in _WORDS)
        options[name] = _name(words[at]) if given else ""
        return at + given
    if name in _FLAGS:
        options[name] = ""
        return at
    message = f'syntax error at or near "{name}"'
    raise ServerError(message, "42601")


def _name(word: str) -> str:
    if word[0] == "'":
        return word[1:-1].replace("''", "'")
    return word[1:-1].replace('""', '"') if word[0] == '"' else word.lower()
