"""A second reading of a payload, by the standard library alone: slow and plain. The fast ones are held against it."""

import json
from codecs import BOM_UTF8
from typing import Any

import msgspec

from consumers.documents.decode import Limits

_WHITESPACE = " \t\r\n"


class _NotJson(ValueError):
    """It holds what only JavaScript knows."""


class Written(str):
    """A number as it was written."""

    __slots__ = ()


def whole(value: Any) -> Any:
    """Read the `Raw` of JSON that a value is, or holds, to its end."""
    if isinstance(value, msgspec.Raw):
        return json.loads(bytes(value), parse_int=Written, parse_float=Written)
    return {name: whole(inner) for name, inner in value.items()}


def _refuse(_constant: str) -> None:
    raise _NotJson


class Reading:
    """One reading: the sources of the documents in their order, or the reasons that may be given."""

    def __init__(self, payload: bytes, limits: Limits) -> None:
        """Read."""
        self.sources: list[str] = []
        self.values: list[Any] = []
        self.reasons: set[str] = set()
        self._limits = limits
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_int=Written, parse_float=Written, parse_constant=_refuse
        )
        try:
            self._text = payload.removeprefix(BOM_UTF8).decode()
            self._read()
        except (ValueError, RecursionError):
            self.reasons = self.reasons & {"too_deep", "too_many_documents"} | {"json_invalid"}

    def _read(self) -> None:
        if not self._text.strip(_WHITESPACE):
            self.reasons.add("empty")
            return
        at, alone, values = self._past(0), False, 0
        while at < len(self._text):
            if alone:
                raise _NotJson
            first = at == self._past(0)
            value, at = self._value(at)
            values += 1
            if isinstance(value, dict | list):
                continue
            if not first:
                raise _NotJson
            alone = True
            self.reasons.add("not_object")
        if not self.sources and not self.reasons:
            self.reasons.add("empty" if values == 1 else "json_invalid")

    def _value(self, at: int) -> tuple[Any, int]:
        value, end = self._decoder.raw_decode(self._text, at)
        if isinstance(value, dict):
            self._document(value, at, end)
        elif isinstance(value, list):
            self._members(value, at)
        self._halves(value)
        return value, self._past(end)

    def _members(self, members: list[Any], at: int) -> None:
        at = self._past(at + 1)
        for member in members:
            end = self._decoder.raw_decode(self._text, at)[1]
            if isinstance(member, dict):
                self._document(member, at, end)
            else:
                self.reasons.add("not_object")
            at = self._past(self._past(end) + 1)

    def _document(self, value: dict[str, Any], at: int, end: int) -> None:
        self.values.append(value)
        self.sources.append(self._text[at:end].replace("\n", " ").replace("\r", " "))
        if _depth(value) > self._limits.max_depth:
            self.reasons.add("too_deep")
        if len(self.sources) > self._limits.max_documents:
            self.reasons.add("too_many_documents")

    def _halves(self, value: Any) -> None:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            self.reasons.add("surrogate")

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            self.reasons.add("duplicate_key")
        return fields

    def _past(self, at: int) -> int:
        while at < len(self._text) and self._text[at] in _WHITESPACE:
            at += 1
        return at


def _depth(value: Any) -> int:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(_depth, inner), default=0)
    return 0
