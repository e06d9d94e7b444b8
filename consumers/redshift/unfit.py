"""Why a column cannot hold a value. Pure."""

from typing import Any

from msgspec import Raw


class Unfit(ValueError):
    """A value that its column cannot hold. `reason` is one word, to count by; the message holds no data."""

    def __init__(self, reason: str, detail: str) -> None:
        """Store the reason and the detail."""
        super().__init__(detail)
        self.reason = reason


_WORDS = {bool: "a boolean", str: "a text", list: "a list", dict: "an object", float: "a fraction", int: "a number"}


def word_of(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return words for the type of a value, for messages."""
    if type(value) is Raw:
        return {ord("["): "a list", ord("{"): "an object"}.get(memoryview(value)[0], "a number")
    return _WORDS.get(type(value), "a number")
