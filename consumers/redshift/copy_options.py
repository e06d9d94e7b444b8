"""The options of COPY that an operator may add: known ones, in a syntax in which nothing else can hide. Pure.

Source: "COPY" in the Amazon Redshift Database Developer Guide.
"""

import re
from collections.abc import Iterator

_ONE_WORD = r"(?i:on|off|true|false)"
_KNOWN: dict[str, str] = {
    "ACCEPTANYDATE": r"",
    "BLANKSASNULL": r"",
    "COMPUPDATE": rf"({_ONE_WORD}|(?i:preset))",
    "EMPTYASNULL": r"",
    "EXPLICIT_IDS": r"",
    "REGION": r"(?i:as )?'[a-z0-9\-]+'",
    "ROUNDEC": r"",
    "STATUPDATE": _ONE_WORD,
    "TRIMBLANKS": r"",
    "TRUNCATECOLUMNS": r"",
}
_CHANGING = frozenset({"BLANKSASNULL", "EMPTYASNULL", "TRIMBLANKS", "TRUNCATECOLUMNS", "ROUNDEC", "ACCEPTANYDATE"})
_OURS = {
    "MANIFEST": "each load has one",
    "GZIP": "staged objects are gzip",
    "JSON": "staged objects are lines of JSON",
    "FORMAT": "staged objects are lines of JSON",
    "MAXERROR": "it is 0: a row that COPY skips would be lost",
    "IGNOREALLERRORS": "a row that COPY skips would be lost",
    "ACCEPTINVCHARS": "it changes data without a word",
    "NOLOAD": "nothing would be loaded, and the ledger would say that it was",
    "IAM_ROLE": "redshift.iamRole says it",
    "CREDENTIALS": "no secrets in SQL: redshift.iamRole says it",
    "ACCESS_KEY_ID": "no secrets in SQL: redshift.iamRole says it",
    "SECRET_ACCESS_KEY": "no secrets in SQL: redshift.iamRole says it",
    "SESSION_TOKEN": "no secrets in SQL: redshift.iamRole says it",
    "TIMEFORMAT": "times are staged in the form that COPY reads by itself",
    "DATEFORMAT": "dates are staged in the form that COPY reads by itself",
}
_GIVEN = ", ".join(sorted(set(_KNOWN) - _CHANGING))
_VALUE = r"(\s+(?i:as\s+)?('[^']*'|\d+)|\s+(?i:on|off|true|false|preset)\b)?"
_OPTION = re.compile(rf"\s*(?P<name>[A-Za-z_]+)(?P<value>{_VALUE})")


def options_of(text: str) -> str:
    """Return the options on one line.

    Raises:
        ValueError: an option is not allowed. The message names it and the remedy.
    """
    problem = next((message for _, message in option_faults(text)), None)
    if problem:
        raise ValueError(problem)
    return " ".join(text.split())


def region_in(options: str) -> str | None:
    """Return the region that the options name, or None."""
    found = re.search(r"(?i)\bREGION\s+(?:as\s+)?'([^']*)'", options)
    return found[1] if found else None


def option_faults(text: str, region: str = "") -> Iterator[tuple[str, str]]:
    """List the faults of the options, as pairs of key and message. `region` is the bucket's, if it is known."""
    told = region_in(text)
    if region and told not in {None, region}:
        yield "copyOptions", f"REGION is {told}, and redshift.region {region}. Delete one of the two"
    at, given = 0, set[str]()
    while text[at:].strip():
        found = _OPTION.match(text, at)
        if found is None:
            yield "copyOptions", f"cannot be read from {text[at:].strip()[:30]!r} on. Give {_GIVEN}"
            return
        name, value = found["name"].upper(), " ".join(found["value"].split())
        if name in _OURS:
            yield "copyOptions", f"may not hold {name}: {_OURS[name]}. Leave it out"
        elif name in _CHANGING:
            yield (
                "copyOptions",
                f"may not hold {name}, which changes values unseen: let the table file's columns say it",
            )
        elif name not in _KNOWN:
            yield "copyOptions", f"{name[:30]} is not known. Give {_GIVEN}"
        elif name in given:
            yield "copyOptions", f"{name} stands there twice. Leave one out"
        elif not re.fullmatch(_KNOWN[name], value):
            yield "copyOptions", f"{name} has no such value as {value[:30]!r}. Correct it"
        given.add(name)
        at = found.end()
