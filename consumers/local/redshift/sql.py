"""Reads SQL statements: their kind, what Redshift would refuse in them, and their form for PostgreSQL. Pure."""

import re

_TOKEN = re.compile(
    r"\s+|--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[A-Za-z_][\w$]*|\d+(?:\.\d+)?|::|\S", re.DOTALL
)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_KINDS = frozenset(
    {"begin", "lock", "insert", "update", "delete", "select", "set", "copy", "commit", "alter", "create"}
)
_DENIED = (
    (r"\breturning\b", "RETURNING"),
    (r"\bon conflict\b", "ON CONFLICT"),
    (r"\b(small|big)?serial\b", "SERIAL"),
    (r"\bpg_(try_)?advisory\w*", "advisory locks"),
    (r"\bfor (update|share|no key update)\b|\bskip locked\b|\bnowait\b", "row locks"),
    (r"^create (unique )?index\b", "CREATE INDEX"),
    (r"^create (unlogged|domain|trigger|extension|type|sequence)\b|^do\b", "statements that only PostgreSQL has"),
    (r"(^(create|alter) .*|:: |\bas )(jsonb?|uuid|bytea|xml)\b", "types that only PostgreSQL has"),
    (r"\bfilter \( ?where\b|\blateral\b", "clauses that only PostgreSQL has"),
    (r"^(savepoint|release|rollback to)\b", "savepoints"),
    (r"^create table .*\b(inherits|partition by)\b", "partitions of tables"),
    (r"^lock table? ?\S+ in \b", "a lock's mode"),
)
_IGNORED = re.compile(
    r"\bdiststyle\s+(even|all|key|auto)\b|\bbackup\s+(yes|no)\b|\b(compound|interleaved)(?=\s+sortkey)"
    r"|\bencode\s+\w+|\b(distkey|sortkey)\s*\([^)]*\)|\bsortkey\s+auto\b|\bdistkey\b|\bsortkey\b",
    re.IGNORECASE,
)
_KEYS = re.compile(r",\s*(constraint\s+\w+\s+)?(primary\s+key|unique)\s*\([^)]*\)", re.IGNORECASE)


def tokens(sql: str) -> list[str]:
    """List the words, literals and signs of a statement, without white space and comments."""
    return [one for one in _TOKEN.findall(sql) if not (one[0].isspace() or one.startswith(("--", "/*")))]


def kind_of(sql: str) -> str:
    """Return the kind of a statement, by its first word; `other` if faults cannot be injected at it."""
    words = tokens(sql)
    first = words[0].lower() if words else ""
    if first in {"end", "commit"}:
        return "commit"
    return first if first in _KINDS else "other"


def denied(sql: str) -> str | None:
    """Return the name of a feature that Redshift does not have, or None."""
    plain = " ".join(one[0] * 2 if one[0] in "'\"" else one.lower() for one in tokens(sql))
    for pattern, name in _DENIED:
        if re.search(pattern, plain):
            return name
    return None


def alone(sql: str) -> bool:
    """Return whether Redshift refuses this statement within a transaction."""
    return bool(re.match(r"\s*(alter\s+table\s+\S+\s+alter\s+column|vacuum)\b", sql, re.IGNORECASE))


def adapted(sql: str) -> str:
    """Return a statement for PostgreSQL, without Redshift's own clauses.

    Keys are removed too, since Redshift does not enforce them.
    """
    held: list[str] = []  # a quoted text may contain any of the words

    def hold(quoted: re.Match[str]) -> str:
        held.append(quoted[0])
        return f"\0{len(held) - 1}\0"

    written = _adapted(_QUOTED.sub(hold, sql))
    return re.sub(r"\0(\d+)\0", lambda place: held[int(place[1])], written)


def _adapted(sql: str) -> str:
    if re.match(r"\s*alter\s+user\b.*\bsession\s+timeout\b", sql, re.IGNORECASE | re.DOTALL):
        name, seconds = re.search(r"user\s+(\S+)\s+session\s+timeout\s+(\d+)", sql, re.IGNORECASE).groups()  # type: ignore[union-attr]
        return f"ALTER ROLE {name} SET idle_in_transaction_session_timeout = '{seconds}s'"
    if re.match(r"\s*create\s+(or\s+replace\s+)?view\b", sql, re.IGNORECASE):
        return re.sub(r"\bwith\s+no\s+schema\s+binding\b", "", sql, flags=re.IGNORECASE)
    if re.match(r"\s*alter\s+table\b", sql, re.IGNORECASE):
        return re.sub(r"\bencode\s+\w+", "", sql, flags=re.IGNORECASE)
    if not re.match(r"\s*create\s+(temp\w*\s+)?table\b", sql, re.IGNORECASE):
        return sql
    sql = _KEYS.sub("", _IGNORED.sub("", sql))
    sql = re.sub(r"\bvarchar\s*\(\s*max\s*\)", "varchar(65535)", sql, flags=re.IGNORECASE)
    sql = re.sub(r"\bprimary\s+key\b", "not null", sql, flags=re.IGNORECASE)
    return re.sub(r"\bunique\b", "", sql, flags=re.IGNORECASE)
