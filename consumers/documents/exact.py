"""The exact parser of JSON text. It alone rejects, in time and memory bounded by a few copies of the text.

The first fault in the text decides, with two exceptions. Text that nests too deep is rejected as `too_deep` if its
brackets are balanced. Of the other reasons, `too_many_documents` and `json_invalid` go before `surrogate`, and that
goes before faults of values that are valid JSON.
"""

import codecs
import re
from typing import NamedTuple

from consumers.documents.document import Decoded, Document, Rejected
from consumers.documents.nesting import TooMany, Unbalanced, balanced_depth, depth_of
from consumers.documents.skim import NotJson, end_of
from consumers.documents.twice import has_key_twice

WHITESPACE = b" \t\n\r"
_ON_ONE_LINE = bytes.maketrans(b"\n\r", b"  ")
_BETWEEN = re.compile(rb"[ \t\n\r]*")
_PIECE = 1 << 20


class Bounds(NamedTuple):
    """The limits of text."""

    max_depth: int
    max_documents: int
    max_values: int


class _Wrong(Exception):
    """The text is rejected."""

    def __init__(self, rejected: Rejected) -> None:
        """Store the rejection."""
        super().__init__(rejected.reason)
        self.rejected = rejected


def read(text: bytes, bounds: Bounds) -> Decoded | Rejected:
    """Return the documents of JSON text, or the one reason why it has none.

    Objects and lists of objects may follow each other, with or without whitespace between them. Another value must
    stand alone, and is no document. A leading byte order mark is ignored, as RFC 8259, 8.1, allows.
    """
    text = text.removeprefix(codecs.BOM_UTF8)
    if not text.strip(WHITESPACE):
        return Rejected("empty", f"{len(text)} bytes, none but whitespace")
    try:
        _check_utf8(text)
        return _Reading(text, bounds).read()
    except NotJson as fault:
        return _half(text, bounds) or Rejected("json_invalid", str(fault))
    except _Wrong as wrong:
        return wrong.rejected


def on_one_line(text: bytes) -> bytes:
    """Replace raw newlines by spaces. In JSON they occur only between tokens, where a space means the same."""
    return text.translate(_ON_ONE_LINE) if b"\n" in text or b"\r" in text else text


class _Reading:
    """One pass over a text."""

    def __init__(self, text: bytes, bounds: Bounds) -> None:
        self._text = text
        self._view = memoryview(text)
        self._bounds = bounds
        self._fault: Rejected | None = None
        self._documents = list[Document]()

    def read(self) -> Decoded | Rejected:
        at = first = self._past_whitespace(0)
        while at < len(self._text):
            end = self._end(at)
            if self._text[at] in b"{":
                self._check_depth(at, end, self._bounds.max_depth)
                self._take(at, end)
            elif self._text[at] in b"[":
                self._check_depth(at, end, self._bounds.max_depth + 1)
                self._take_each(at)
            elif at == first and end == len(self._text):
                self._wrong("not_object", "a value that is no object")
            else:
                raise NotJson(at)
            at = end
        if not self._documents and self._fault is None:
            self._check_alone(first)
            self._wrong("empty", "a list of nothing")
        return self._fault or Decoded(self._documents)

    def _check_alone(self, first: int) -> None:
        if (end := self._end(first)) < len(self._text):
            raise NotJson(end)

    def _take_each(self, at: int) -> None:
        """Take the objects of a list that is valid JSON."""
        at = self._past_whitespace(at + 1)
        while self._text[at] not in b"]":
            end = self._end(at)
            if self._text[at] not in b"{":
                self._wrong("not_object", "a list that holds something else than objects")
                return
            self._take(at, end)
            at = self._past_whitespace(end + 1) if self._text[end] in b"," else end

    def _take(self, at: int, end: int) -> None:
        if len(self._documents) == self._bounds.max_documents:
            raise _Wrong(Rejected("too_many_documents", f"more than {len(self._documents)} documents in one record"))
        source = self._text[at:end].rstrip(WHITESPACE)
        try:
            if has_key_twice(source, self._bounds.max_values):
                self._wrong("duplicate_key", "an object has a key twice")
        except TooMany:
            self._wrong("too_many_values", f"more than {self._bounds.max_values} values in one document")
        self._documents.append(Document(on_one_line(source)))

    def _check_depth(self, at: int, end: int, most: int) -> None:
        text = self._text[at:end]
        if text.count(b"[") + text.count(b"{") > most and (depth := depth_of(text)) > most:
            raise _Wrong(self._deep(depth))

    def _end(self, at: int) -> int:
        """Return the end of the value that begins here, which must be JSON."""
        try:
            return end_of(self._view, at)
        except RecursionError:
            raise self._too_deep(at) from None

    def _too_deep(self, at: int) -> _Wrong:
        try:
            return _Wrong(self._deep(balanced_depth(self._text[at:])))
        except Unbalanced:
            return _Wrong(Rejected("json_invalid", "strings or brackets are not closed, or closed by others"))

    def _deep(self, depth: int) -> Rejected:
        return Rejected("too_deep", f"nested {depth} deep; {self._bounds.max_depth} is the limit")

    def _past_whitespace(self, at: int) -> int:
        found = _BETWEEN.match(self._text, at)
        return found.end() if found else at

    def _wrong(self, reason: str, detail: str) -> None:
        """Keep the first fault of values that are valid JSON."""
        self._fault = self._fault or Rejected(reason, detail)


def _half(text: bytes, bounds: Bounds) -> Rejected | None:
    """Return the rejection of text that is JSON apart from halves of surrogate pairs, or None.

    Such text is JSON once other escapes replace them.
    """
    veiled = text.replace(b"\\\\", b"__")
    others = veiled.replace(b"\\ud", b"\\u0").replace(b"\\uD", b"\\u0")
    if others == veiled:
        return None
    try:
        _Reading(others, bounds).read()
    except NotJson as fault:
        return Rejected("json_invalid", str(fault))
    except _Wrong as wrong:
        return wrong.rejected
    return Rejected("surrogate", "half of a surrogate pair")


def _check_utf8(text: bytes) -> None:
    """Check one piece at a time: decoding a text with one wide character takes four times its bytes."""
    at = 0
    while at < len(text):
        try:
            at += codecs.utf_8_decode(text[at : at + _PIECE], "strict", at + _PIECE >= len(text))[1]
        except UnicodeDecodeError as fault:
            raise _Wrong(Rejected("json_invalid", f"not UTF-8 at byte {at + fault.start}")) from None
