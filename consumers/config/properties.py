"""Java ``.properties`` as an operator writes it: line numbers, duplicates, host references."""

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import javaproperties

from consumers.config.faults import Fault
from consumers.config.unseen import invisible, unseen_in

_BROKEN = re.compile(r"(?<!\\)(?:\\\\)*\\[ \t\f]+$")
_COMMENTED = re.compile(r"(?<!\\)(?:\\\\)*\\\n[ \t\f]*[#!]")
_BLANKS = string.whitespace  # of ASCII: any other blank looks like one, and is none to Java
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
    """Read ``text``; a key given twice is a fault, since Java would silently take the last.

    White space at the end of a value is dropped: Java would keep it, and then fail to
    recognise the value. A key without a value is a fault, and so is what nobody sees.
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
    """Say where a line was meant to go on, or to have a value."""
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
    """Make the fault of a key or a value with a character that a reader does not see, or takes for a plain space."""
    in_key = unseen_in(entry.key)
    found, where = (in_key, "its name") if in_key else (unseen_in(entry.value), "its value")
    if found is None:
        return None
    problem = f"has the invisible character {found}, in {where}"
    return Fault("".join(c for c in entry.key if not invisible(c)), problem, "Type the line anew", entry.line)


def quoted(entry: Entry) -> Fault | None:
    """Make the fault of a value in quotes, as other files have them: here they are characters of it."""
    value = entry.value
    if len(value) < _PAIR or value[0] != value[-1] or value[0] not in "\"'":
        return None
    return Fault(entry.key, "stands in quotes, which would be a part of the value", "Delete the quotes", entry.line)


def canonical(key: str) -> str:
    """Return ``key`` as KCL names it: it takes any case of one prefix alone."""
    return re.sub(r"(?i)^awscredentialsprovider", "awsCredentialsProvider", key)


def duplicate(entry: Entry, first: Entry) -> Fault:
    """Make the fault of a key that ``first`` has given already."""
    problem = f"given twice, first on line {first.line}"
    return Fault(entry.key, problem, "Delete one of the two lines", entry.line)


def expand(entry: Entry, environment: Mapping[str, str]) -> tuple[Entry, list[Fault]]:
    """Replace ``${env:NAME}`` and ``${env:NAME:-default}`` in the value.

    An unset or empty variable without a default is a fault; an empty default, written out, leaves the
    key away. An empty variable counts as unset for the default, as in a shell. What it expands to is
    not expanded again.
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
