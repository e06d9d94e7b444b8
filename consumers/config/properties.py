"""Java ``.properties`` as an operator writes them: line numbers, duplicates, references to the environment."""

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import javaproperties

from consumers.config.faults import Fault
from consumers.config.unseen import invisible, unseen_in

_BROKEN = re.compile(r"(?<!\\)(?:\\\\)*\\[ \t\f]+$")
_COMMENTED = re.compile(r"(?<!\\)(?:\\\\)*\\\n[ \t\f]*[#!]")
_BLANKS = string.whitespace  # ASCII only: Java does not treat any other blank as white space
_PAIR = 2
_OPENED = re.compile(r"\$\{env:")
_REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One key with its value, and the 1-based line on which it begins."""

    key: str
    value: str
    line: int


def parse(text: str) -> tuple[list[Entry], list[Fault]]:
    """Parse ``text``. A duplicate key is a fault, since Java would silently use the last one.

    White space at the end of a value is removed: Java would keep it, and then not recognise the value.
    A key without a value and an invisible character are faults too.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    entries: dict[str, Entry] = {}
    faults: list[Fault] = []
    line = 1
    try:
        for element in javaproperties.parse(text):
            if isinstance(element, javaproperties.KeyValue):
                entry = Entry(element.key, element.value.rstrip(_BLANKS), line)
                faults += _unclear(entry, element.source.rstrip("\n"))
                if entry.key in entries:
                    faults.append(duplicate(entry, entries[entry.key]))
                entries.setdefault(entry.key, entry)
            line += element.source.count("\n")
    except javaproperties.InvalidUEscapeError as error:
        escape = Fault(
            "",
            f"malformed escape {error.escape}",
            "Write \\u and four hexadecimal digits, or the character itself in UTF-8",
            line,
        )
        faults.append(escape)
    return list(entries.values()), faults


def _unclear(entry: Entry, source: str) -> Iterator[Fault]:
    """Yield a fault if a line seems to be meant to continue, or to have a value."""
    if _BROKEN.search(source):
        problem = "ends with a blank behind the backslash, so that the next line does not continue it"
        yield Fault(entry.key, problem, "Delete the blanks at the end of the line", entry.line)
    elif _COMMENTED.search(source):
        problem = "goes on with a line that begins with # or !, which is no comment there, but a part of the value"
        yield Fault(entry.key, problem, "Delete that line, or move it above", entry.line)
    elif not entry.value:
        remedy = "Give it one, or delete the line. A line continues the one before where that ends with a backslash"
        yield Fault(entry.key, "has no value", remedy, entry.line)


def unseen(entry: Entry) -> Fault | None:
    """Return the fault of a key or value with an invisible character, or one that looks like a plain space; or None."""
    in_key = unseen_in(entry.key)
    found, where = (in_key, "its name") if in_key else (unseen_in(entry.value), "its value")
    if found is None:
        return None
    problem = f"has the invisible character {found}, in {where}"
    return Fault("".join(c for c in entry.key if not invisible(c)), problem, "Type the line anew", entry.line)


def quoted(entry: Entry) -> Fault | None:
    """Return the fault of a value in quotes, or None. Other formats use quotes; here they belong to the value."""
    value = entry.value
    if len(value) < _PAIR or value[0] != value[-1] or value[0] not in "\"'":
        return None
    return Fault(entry.key, "stands in quotes, which would be a part of the value", "Delete the quotes", entry.line)


def canonical(key: str) -> str:
    """Return ``key`` in KCL's spelling: KCL accepts any case of this one prefix."""
    return re.sub(r"(?i)^awscredentialsprovider", "awsCredentialsProvider", key)


def duplicate(entry: Entry, first: Entry) -> Fault:
    """Return the fault of a key that ``first`` has set already."""
    problem = f"given twice, first on line {first.line}"
    return Fault(entry.key, problem, "Delete one of the two lines", entry.line)


def expand(entry: Entry, environment: Mapping[str, str]) -> tuple[Entry, list[Fault]]:
    """Replace ``${env:NAME}`` and ``${env:NAME:-default}`` in the value.

    An unset or empty variable without a default is a fault. An explicit empty default removes the key. An
    empty variable counts as unset for the default, as in a shell. The result is not expanded again.
    """
    faults: list[Fault] = []

    def resolve(match: re.Match[str]) -> str:
        name, default = match.groups()
        value = environment.get(name, "")
        if not value and default is None:
            faults.append(_unset(entry, name, "empty" if name in environment else "not set"))
        return value or default or ""

    value, count = _REFERENCE.subn(resolve, entry.value)
    if count != len(_OPENED.findall(entry.value)):
        problem = "holds a malformed reference to the environment"
        remedy = "Write ${env:NAME} or ${env:NAME:-default}"
        faults.append(Fault(entry.key, problem, remedy, entry.line))
    return replace(entry, value=value.strip(_BLANKS)), faults


def _unset(entry: Entry, name: str, how: str) -> Fault:
    remedy = f"Set {name} where the daemon starts, or write ${{env:{name}:-default}}"
    return Fault(entry.key, f"the environment variable {name} is {how}", remedy, entry.line)
