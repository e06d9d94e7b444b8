"""Computes the depth and the number of values of JSON text from its brackets and commas, fast. Pure."""

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
_STEPS = bytes.maketrans(_BRACKETS, b"\x01\xff\x01\xff")  # an opening bracket is +1, a closing one -1, as signed bytes
_ALIKE = bytes.maketrans(b"{}", b"[]")
_OPENING = dict(zip(b"{[", b"}]", strict=True))


class TooMany(Exception):
    """There are more values than may be held at once."""


class Unbalanced(Exception):
    """A string or a bracket is not closed, or a bracket is closed by another one."""


def outside(text: bytes) -> bytes:
    """Return what stands outside of strings.

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
    """Replace the brackets and escaped quotes within strings by bytes that JSON does not use."""
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
    """Yield the text in pieces, none of which ends within an escape.

    Splitting the whole text at once would take many times its size.
    """
    at = 0
    while at < len(text):
        end = at + WINDOW
        if text[end - 1 : end] == b"\\" and (run := _BACKSLASHES.match(text, end)):
            end = run.end() + 1
        yield text[at:end]
        at = end


def unveiled(text: bytes) -> bytes:
    """Undo `veiled`."""
    return text.translate(_UNVEIL).replace(_PAIR, b"\\\\").replace(_QUOTE, b'\\"')


def values_of(bare: bytes) -> int:
    """Count the values of text without strings: each follows a comma, is the first in a bracket, or stands alone."""
    return 1 + bare.count(b",") + bare.count(b"[") + bare.count(b"{")


def depth_of(text: bytes) -> int:
    """Return the depth of text whose strings and brackets are known to be balanced."""
    brackets, peeled = outside(text).translate(_ALIKE, _OTHERS), 0
    while brackets:
        left = brackets.replace(b"[]", b"")  # without the innermost brackets
        if len(left) * 2 > len(brackets):
            return peeled + max(accumulate(array("b", brackets.translate(_STEPS))))
        brackets, peeled = left, peeled + 1
    return peeled


def balanced_depth(text: bytes) -> int:
    """Return the depth of any text.

    Raises:
        Unbalanced: its strings or brackets do not match.

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
