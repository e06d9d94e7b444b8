"""Where a value of JSON ends, found without making anything of it. Pure."""

import re

import msgspec

_AT_BYTE = re.compile(r"\(byte (\d+)\)")
_TRAILING = "trailing characters"
# It sees all that is no JSON, but for bytes that are no UTF-8. It does not see a key twice, nor how large a number is.
_skim = msgspec.json.Decoder(msgspec.Raw).decode


class NotJson(ValueError):
    """Text stops being JSON at a byte."""

    def __init__(self, at: int) -> None:
        """Say where."""
        super().__init__(f"not JSON at byte {at}")
        self.at = at


def end_of(text: memoryview, at: int) -> int:
    """Say where the value that begins here ends, with the whitespace behind it. What follows is not looked at.

    Raises:
        NotJson: it is no value.
        RecursionError: it nests too deep to be read.

    """
    try:
        _skim(text[at:])
    except msgspec.DecodeError as fault:
        said = str(fault)
        found = _AT_BYTE.search(said)
        where = at + int(found[1]) if found else len(text)
        if _TRAILING in said:
            return where - 1  # that byte was read already
        raise NotJson(where) from None
    return len(text)
