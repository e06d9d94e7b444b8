"""How deep JSON text nests, and how many values it holds: by its brackets and commas, at the speed of bytes. Pure."""

import re
from array import array
from collections.abc import Iterator
from itertools import accumulate

WINDOW = 1 << 16
_BRACKETS = b"[]{}"
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))
_VEIL, _UNVEIL = bytes.maketrans(_BRACKETS, b"\1\2\3\4"), bytes.maketrans(b"\1\2\3\4", _BRACKETS)
_PAIR, _QUOTE = b"\5\5", b"\6\6"
_BACKSLASHES = re.compile(rb"\\*+")
_STEPS = bytes.maketrans(_BRACKETS, b"\x01\xff\x01\xff")  # one down, one up, as bytes with a sign
_ALIKE = bytes.maketrans(b"{}", b"[]")
_OPENING = dict(zip(b"{[", b"}]", strict=True))


class TooMany(Exception):
    """There are more values than may be held at once."""


class Unbalanced(Exception):
    """A string or a bracket is not closed, or closed by another one."""


def outside(text: bytes) -> bytes:
    """Give what stands outside of strings.

    Raises:
        Unbalanced: the last string does not end.

    """
    found, within = list[bytes](), 0
    for window in _windows(text):
        if b"\\" in window:
            window = window.replace(b"\\\\", b"").replace(b'\\"', b"")  # noqa: PLW2901 - the same, with less in it
        pieces = window.split(b'"')
        found.append(b"".join(pieces[within::2]))
        within ^= (len(pieces) - 1) & 1
    if within:
        raise Unbalanced
    return b"".join(found)


def veiled(text: bytes) -> bytes:
    """Write the brackets and the escaped quotes of strings as bytes that JSON does not have, so that none is left."""
    found, within = list[bytes](), 0
    for window in _windows(text):
        pieces = window.replace(b"\\\\", _PAIR).replace(b'\\"', _QUOTE).split(b'"')
        strings = pieces[1 - within :: 2]
        if strings:
            pieces[1 - within :: 2] = b'"'.join(strings).translate(_VEIL).split(b'"')
        found.append(b'"'.join(pieces))
        within ^= (len(pieces) - 1) & 1
    return b"".join(found)


def _windows(text: bytes) -> Iterator[bytes]:
    """Give the text in pieces, of which none ends within an escape: whole, its pieces would be many times its size."""
    at = 0
    while at < len(text):
        end = at + WINDOW
        if text[end - 1 : end] == b"\\" and (run := _BACKSLASHES.match(text, end)):
            end = run.end() + 1
        yield text[at:end]
        at = end


def unveiled(text: bytes) -> bytes:
    """Write them as they were."""
    return text.translate(_UNVEIL).replace(_PAIR, b"\\\\").replace(_QUOTE, b'\\"')


def values_of(bare: bytes) -> int:
    """Count the values of text without its strings: each stands after a comma, or first in something, or alone."""
    return 1 + bare.count(b",") + bare.count(b"[") + bare.count(b"{")


def depth_of(text: bytes) -> int:
    """Give the depth of text whose strings and brackets are known to be right."""
    brackets, peeled = outside(text).translate(_ALIKE, _OTHERS), 0
    while brackets:
        left = brackets.replace(b"[]", b"")  # what is innermost
        if len(left) * 2 > len(brackets):
            return peeled + max(accumulate(array("b", brackets.translate(_STEPS))))
        brackets, peeled = left, peeled + 1
    return peeled


def balanced_depth(text: bytes) -> int:
    """Give the depth of any text at all.

    Raises:
        Unbalanced: it has none.

    """
    opened, deepest = bytearray(), 0
    for bracket in _brackets(text):
        if bracket in _OPENING:
            opened.append(_OPENING[bracket])
        elif not opened or opened.pop() != bracket:
            raise Unbalanced
        elif len(opened) >= deepest:
            deepest = len(opened) + 1
    if opened:
        raise Unbalanced
    return deepest


def _brackets(text: bytes) -> Iterator[int]:
    return iter(outside(text).translate(None, _OTHERS))
