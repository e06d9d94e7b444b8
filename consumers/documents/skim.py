"""Finds where a JSON value ends, without decoding it. Pure."""

import re

import msgspec

_AT_BYTE = re.compile(r"\(byte (\d+)\)")
_TRAILING = "trailing characters"
# It detects all that is not JSON, except bytes that are not UTF-8. It detects neither duplicate keys nor large numbers.
_skim = msgspec.json.Decoder(msgspec.Raw).decode


class NotJson(ValueError):
    """The text stops being JSON at a byte."""

    def __init__(self, at: int) -> None:
        """Store the offset."""
        super().__init__(f"not JSON at byte {at}")
        self.at = at


def end_of(text: memoryview, at: int) -> int:
    """Return the end of the value that begins here, with the whitespace after it. What follows is not checked.

    Raises:
        NotJson: it is not a JSON value.
        RecursionError: it nests too deep for the decoder.

    """
    try:
        _skim(text[at:])
    except msgspec.DecodeError as fault:
        said = str(fault)
        found = _AT_BYTE.search(said)
        where = at + int(found[1]) if found else len(text)
        if _TRAILING in said:
            return where - 1  # the decoder has read that byte already
        raise NotJson(where) from None
    return len(text)
