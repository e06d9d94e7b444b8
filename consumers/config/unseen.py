"""Characters that are invisible or look like a plain space, as copied text may contain. Pure."""

import unicodedata

# control, format, surrogates, separators: General_Category of Unicode
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")  # letters that are blank


def invisible(char: str) -> bool:
    """Return whether a character is invisible. A plain space and a tab are not."""
    return char not in " \t" and (unicodedata.category(char) in _UNSEEN or char in _BLANK)


def unseen_in(text: str) -> str | None:
    """Return the first such character in a text, such as `U+200B, zero width space`, or None."""
    char = next(filter(invisible, text), None)
    return None if char is None else f"U+{ord(char):04X}, {unicodedata.name(char, 'a control character').lower()}"
