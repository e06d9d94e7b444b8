"""What a decoder raises for bytes that are not what it decodes: more than its own error."""

import msgspec

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MOST = 200


def said(fault: Exception) -> str:
    """Say what is wrong with the bytes, and nothing of what they hold."""
    if isinstance(fault, UnicodeDecodeError):
        return "a text is not UTF-8"
    return "it is nested too deep" if isinstance(fault, RecursionError) else str(fault)[:_MOST]
