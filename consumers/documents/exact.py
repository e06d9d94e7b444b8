"""The exact reading of JSON text: slow, and the only one that rejects.

Where several reasons apply: brackets come first, so that text too deep is rejected as such whatever else it holds, if
they are balanced. Then `too_many_documents` or `json_invalid`, whichever comes first in the text. Last is what is wrong
with values that are JSON, of which the first counts.
"""

import json
import re
from typing import Any

from consumers.documents.document import Decoded, Document, Reason, Rejected

WHITESPACE = b" \t\n\r"
# Raw newlines of JSON stand between tokens only, where a space is the same.
ON_ONE_LINE = bytes.maketrans(b"\n\r", b"  ")
_BETWEEN = re.compile(r"[ \t\n\r]*")
_STRINGS_AND_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)|([][{}]++)', re.DOTALL)
_OPENING = dict(zip(b"{[", b"}]", strict=True))
_LEAST_INT, _GREATEST_INT = -(2**63), 2**63 - 1
_INT_CHARACTERS = len(str(_LEAST_INT))
_INFINITE = float("inf")


class _NotJson(ValueError):
    """The text holds what only JavaScript knows."""


class _Reader:
    """Reads a text's values one after another, and keeps the first fault of those that are JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._escaped = "\\u" in text
        self.fault: Rejected | None = None
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._int,
            parse_float=self._float,
            parse_constant=_refuse,
        )

    def read(self, at: int) -> tuple[Any, int]:
        """Give the value that begins here, and where it ends."""
        value, end = self._decoder.raw_decode(self._text, at)
        if self._escaped:
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                self.wrong("surrogate", "half of a surrogate pair")
        return value, end

    def wrong(self, reason: Reason, detail: str) -> None:
        """Keep the first fault."""
        self.fault = self.fault or Rejected(reason, detail)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            self.wrong("duplicate_key", f"an object of {len(pairs)} keys has one of them twice")
        return fields

    def _int(self, digits: str) -> int:
        # JSON has no leading zeros. Longer text is not parsed: Python refuses it beyond 4,300 digits.
        value = int(digits) if len(digits) <= _INT_CHARACTERS else None
        if value is None or not _LEAST_INT <= value <= _GREATEST_INT:
            self.wrong("number_range", f"an integer of {len(digits)} characters; 64 bits with a sign hold less")
            return 0
        return value

    def _float(self, digits: str) -> float:
        value = float(digits)
        if value in (_INFINITE, -_INFINITE):
            self.wrong("number_range", f"a float of {len(digits)} characters; 64 bits hold less")
            return 0.0
        return value


def read(payload: bytes, max_depth: int, max_documents: int) -> Decoded | Rejected:
    """Give the documents of JSON text, or the one reason why not.

    Objects may follow each other, with whitespace between them or without. Another value must stand alone.
    """
    if not payload.strip(WHITESPACE):
        return Rejected("empty", f"{len(payload)} bytes, none but whitespace")
    try:
        text = payload.decode()
        return _depth_fault(payload, max_depth) or _documents(text, max_documents)
    except UnicodeDecodeError as fault:
        return Rejected("json_invalid", f"not UTF-8 at byte {fault.start}")
    except json.JSONDecodeError as fault:  # its text may hold data, its position does not
        return Rejected("json_invalid", f"not JSON at byte {len(fault.doc[: fault.pos].encode())}")
    except _NotJson:
        return Rejected("json_invalid", "NaN or Infinity, which JSON does not have")
    except RecursionError:  # the limit is above what this process can nest
        return Rejected("too_deep", "nested beyond what can be read")


def _documents(text: str, max_documents: int) -> Decoded | Rejected:
    reader, documents = _Reader(text), list[Document]()
    at = first = _past_whitespace(text, 0)
    while at < len(text):
        if len(documents) == max_documents:
            return Rejected("too_many_documents", f"more than {max_documents} documents in one record")
        value, end = reader.read(at)
        behind = _past_whitespace(text, end)
        if isinstance(value, dict):
            documents.append(Document(text[at:end].encode().translate(ON_ONE_LINE), value))
        elif at == first and behind == len(text):
            reader.wrong("not_object", "a value that is no object")
        else:
            message = "a value that is no object stands beside another"
            raise json.JSONDecodeError(message, text, at)
        at = behind
    return reader.fault or Decoded(documents)


def _past_whitespace(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found else at


def _refuse(_constant: str) -> None:
    raise _NotJson


def _depth_fault(payload: bytes, max_depth: int) -> Rejected | None:
    """Read the brackets alone, as a parser may not survive them."""
    if payload.count(b"[") + payload.count(b"{") <= max_depth:
        return None
    opened, deepest = bytearray(), 0
    for match in _STRINGS_AND_BRACKETS.finditer(payload):
        if match[1] == b"":
            return Rejected("json_invalid", f"a string begins at byte {match.start()} and does not end")
        for bracket in match[2] or b"":
            if bracket in _OPENING:
                opened.append(bracket)
                deepest = max(deepest, len(opened))
            elif not opened or _OPENING[opened.pop()] != bracket:
                return Rejected("json_invalid", f"a wrong bracket closes after byte {match.start()}")
    if deepest <= max_depth:
        return None
    if opened:
        return Rejected("json_invalid", f"{len(opened)} brackets are not closed")
    return Rejected("too_deep", f"nested {deepest} deep; {max_depth} is the limit")
