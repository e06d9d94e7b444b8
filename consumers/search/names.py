"""The index of a record: a pure function of its arrival time, even after the configured name has changed.

A record that is delivered again must find the document of its first delivery, and so must go to the same index.
Therefore a changed `index.name` takes effect at a full hour in the future, and that hour is stored first. Each process
looks up the name once per arrival hour, after that hour has begun, when its name can no longer change.
"""

import hashlib
import re
from datetime import UTC, datetime

import msgspec

from consumers.chain.store import STATE_PREFIX, ObjectStore, Rounds
from consumers.records import HOUR_MS
from consumers.undecodable import UNDECODABLE
from consumers.waiting import Unavailable

MARGIN_MS = 600_000  # covers differences between Kinesis's and S3's clocks, and the delay of a slow process
_LATEST_MS = MARGIN_MS  # longest time from reading the clock to the write that relies on it
_DIRECTIVE = re.compile(r"%.?")
_DIRECTIVES = ("%Y", "%m", "%d", "%H")
_ALLOWED = re.compile(r"[a-z0-9][a-z0-9._\-]*")
_LONGEST = 200


class Name(msgspec.Struct, frozen=True, rename="camel"):
    """The template of index names, valid for records that arrived from `from_ms` on (UTC milliseconds)."""

    from_ms: int
    template: str

    def at(self, hour: int) -> str:
        """Return the name of the index of an hour, counted from 1970."""
        return datetime.fromtimestamp(hour * HOUR_MS / 1000, UTC).strftime(self.template)


class _Names(msgspec.Struct, frozen=True):
    names: tuple[Name, ...]


def name_fault(template: str) -> str | None:
    """Return what is wrong with a template of names, or None.

    The rules are those of "Create index" in both servers' documentation.
    """
    for directive in _DIRECTIVE.findall(template):
        if directive not in _DIRECTIVES:
            return f"{directive} is none of %Y, %m, %d and %H. Write these, in UTC"
    used = set(_DIRECTIVE.findall(template))
    if used != set(_DIRECTIVES[: len(used)]):
        lacking = next(one for one in _DIRECTIVES if one not in used)
        return f"lacks {lacking}: times that have nothing to do with each other would share an index. Write it too"
    plain = _DIRECTIVE.sub("0", template)
    if len(plain) > _LONGEST:
        return f"is longer than {_LONGEST} characters. Give a shorter name"
    if not _ALLOWED.fullmatch(plain) or plain in {".", ".."}:
        return "is no name of an index. Give lower-case letters, digits, '.', '_' and '-', a letter or digit first"
    if not pattern_of(template).strip("*.-_"):
        return "is nothing but a time, and its template would be every index's. Begin it with a name"
    return None


def pattern_of(template: str) -> str:
    """Return the narrowest wildcard pattern that all indices of the template match."""
    return re.sub(r"(\*[.\-_]?)+$|(?:\*[.\-_]?)+", "*", _DIRECTIVE.sub("*", template))


def declared(standing: tuple[Name, ...], template: str, now_ms: int) -> tuple[Name, ...]:
    """Return the names with the template announced, unless it is the last one already. Pure.

    An announcement for an hour that is still far ahead is replaced: no process has relied on it.
    """
    sure_ms = now_ms + MARGIN_MS
    names = tuple(name for name in standing if name.from_ms <= sure_ms)
    if names and names[-1].template == template:
        return names
    return (*names, Name((sure_ms // HOUR_MS + 1) * HOUR_MS if names else 0, template))


def _body(names: tuple[Name, ...]) -> bytes:
    return msgspec.json.encode(_Names(names))


class IndexNames:
    """The index names of one application, by hour."""

    def __init__(self, store: ObjectStore, application: str, template: str, *, declares: bool = True) -> None:
        """Store the configuration. The first request is made by `learn`.

        With `declares` false, as for a redrive, nothing is announced: only daemons announce a changed name.
        """
        self._store = store
        self._key = f"{STATE_PREFIX}/{application}/index-names.json"
        self._template = template
        self._declares = declares
        self._declared = False
        self._hours: dict[int, str] = {}

    def of(self, hour: int) -> str:
        """Return the index of an arrival hour that was learnt."""
        return self._hours[hour]

    def learn(self, hours: set[int]) -> None:
        """Look up the index names of these arrival hours.

        Raises:
            Unavailable: the store did not answer, or its data is damaged.
        """
        unknown = hours - self._hours.keys()
        if not unknown:
            return
        names = self._declare() if self._declares and not self._declared else self._names()
        self._declared = True
        if len(self._hours) > 1000:  # noqa: PLR2004 - some weeks; bounds the memory of a replay of years
            self._hours.clear()
            unknown = hours
        for hour in unknown:
            self._hours[hour] = next(name for name in reversed(names) if name.from_ms <= hour * HOUR_MS).at(hour)

    def _names(self) -> tuple[Name, ...]:
        found = self._store.find(self._key)
        if found is None and not self._declares:
            return (Name(0, self._template),)
        if found is None:
            reason = f"{self._key} was there and is gone"
            raise Unavailable(reason, "restore it: stop deleting below _kinesis-fleet/", operator=True)
        return self._read(found.body)

    def _declare(self) -> tuple[Name, ...]:
        """Store the configured name, unless it is in force or announced already."""
        rounds = Rounds(self._key)
        while True:
            rounds.another()
            found = self._store.find(self._key)
            standing = self._read(found.body) if found else ()
            now_ms = self._store.now_ms()
            if not now_ms:  # without the time, names in force and announced names look the same
                reason = f"{self._key}: the bucket's answers hold no Date"
                raise Unavailable(reason, "give index.deadLetters.endpoint an S3 service", operator=True)
            names = declared(standing, self._template, now_ms)
            if names == standing:
                return names
            if found is None:
                if self._store.put_new(self._key, _body(names), {}, hashlib.sha256(_body(names)).digest()):
                    return names
                continue
            version = self._store.swap(self._key, _body(names), found.version)
            if version is None:
                continue
            if self._store.now_ms() <= now_ms + _LATEST_MS:
                return names
            # This process was paused: the announced hour may have begun. Take the announcement back and retry.
            self._store.swap(self._key, _body(standing), version)

    def _read(self, body: bytes) -> tuple[Name, ...]:
        try:
            names = msgspec.json.decode(body, type=_Names).names
        except UNDECODABLE as fault:
            reason = f"{self._key} is damaged"
            raise Unavailable(reason, "restore its former version", operator=True) from fault
        if not names or names[0].from_ms:
            reason = f"{self._key} names no index for the first hours"
            raise Unavailable(reason, "restore its former version", operator=True)
        return names
