"""Splits a line of the protocol into its parts by brackets and quotes alone, if a part of it is not JSON. Pure."""

import re
from collections.abc import Iterator

# Possessive: without backtracking, whose state would take a hundred bytes for each byte of the text.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},"]', re.DOTALL)
_NAME = re.compile(rb'\s*"(\w*)"\s*:')
_PAIRS = {b"[": b"]", b"{": b"}"}


class Uncut(ValueError):
    """The line has no such parts: it was cut short, or is not JSON. The message holds none of its data."""


def members(text: bytes) -> dict[str, bytes]:
    """Return the members of an object.

    Raises:
        Uncut: it is not an object.

    """
    found = {}
    for part in _parts(text, b"{"):
        name = _NAME.match(part)
        if name is None:
            message = "a member of the object has no name"
            raise Uncut(message)
        found[name[1].decode()] = part[name.end() :].strip()
    return found


def elements(text: bytes) -> list[bytes]:
    """Return the elements of an array.

    Raises:
        Uncut: it is not an array.

    """
    return [part.strip() for part in _parts(text, b"[")]


def _parts(text: bytes, opening: bytes) -> Iterator[bytes]:
    text = text.strip()
    closed = list(_commas(text, opening))
    if text[1:-1].strip():
        begins = [1, *(at + 1 for at in closed[:-1])]
        yield from (text[begin:end] for begin, end in zip(begins, closed, strict=True))


def _commas(text: bytes, opening: bytes) -> Iterator[int]:
    """Yield the offset where each part ends; the last is that of the closing bracket."""
    if text[:1] != opening:
        message = f"it does not begin with {opening.decode()}"
        raise Uncut(message)
    open_: list[bytes] = []
    for token in _TOKEN.finditer(text):
        character = token[0][:1]
        if character in _PAIRS:
            open_.append(_PAIRS[character])
        elif character in b"]}":
            if not open_ or open_.pop() != character:
                break
            if not open_:
                if token.end() != len(text):
                    break
                yield token.start()
                return
        elif character == b"," and len(open_) == 1:
            yield token.start()
        elif token[0] == b'"':  # a string that does not end
            break
    message = "its brackets do not match: it was cut short, or is no JSON"
    raise Uncut(message)
