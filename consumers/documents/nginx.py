r"""What nginx's log escapes did to JSON, taken back.

By default, a log variable's `"`, `\` and every byte outside printable ASCII are written as `\xHH` (nginx,
ngx_http_log_module, `log_format`, escape=default). JSON has no such escape, so text that holds one is no JSON, and
JSON is never touched. Which repair applies is read off the text; what parses is not tried. So no sender decides it:
nginx lets no raw `"` of a sender through.
"""

import re

_ESCAPE = re.compile(rb"\\x([0-9A-Fa-f]{2})")
# An escaped backslash is taken in whole: what follows it is text.
_TOKEN = re.compile(rb"((?:\\x[0-9A-Fa-f]{2})+)|\\.", re.DOTALL)


def repaired(text: bytes) -> bytes | None:
    r"""Give the text as it was before nginx, or None where nothing is to be repaired.

    Without any raw `"`, the whole body was a variable: each escape becomes its byte.
    Otherwise variables stand inside strings: what they hold becomes JSON escapes, which cannot end a string.
    """
    if b"\\x" not in text:
        return None
    if b'"' not in text:
        return _ESCAPE.sub(_byte, text) if b"\\x22" in text else None
    if not any(match[1] for match in _TOKEN.finditer(text)):
        return None
    try:
        return _TOKEN.sub(_escaped, text)
    except UnicodeDecodeError:  # a variable that is no UTF-8: as it stands, it is no JSON either
        return None


def _byte(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode())


def _escaped(match: re.Match[bytes]) -> bytes:
    if not match[1]:
        return match[0]
    held = bytes.fromhex(match[1].replace(b"\\x", b"").decode()).decode()
    units = held.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)).encode()
