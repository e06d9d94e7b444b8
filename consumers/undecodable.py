"""The exceptions that a decoder raises for bytes it cannot decode, which are more than its own."""

import msgspec

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MOST = 200


def said(fault: Exception) -> str:
    """Describe what is wrong with the bytes, without anything that they hold."""
    if isinstance(fault, UnicodeDecodeError):
        return "a text is not UTF-8"
    return "it is nested too deep" if isinstance(fault, RecursionError) else str(fault)[:_MOST]
