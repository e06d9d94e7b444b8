"""The effective file means the same to Java, to a general parser and to the child's reader."""

import javaproperties
from hypothesis import example, given
from hypothesis import strategies as st

from consumers.config import effective

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
VALUES = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(KEYS, VALUES))
@example({"a b": " \\ x=y:#!\t\r\n\f", "ü": "😀", "u": "\\u00e4", "k\n": "", "=": "\x00\x7f\x85"})
def test_what_is_written_is_read_again(values: dict[str, str]) -> None:
    """Any keys and values survive, read by the child's reader and as Java's ISO 8859-1."""
    text = effective.write(values)
    assert effective.read(text) == values
    assert javaproperties.loads(text.encode("ascii")) == values


def test_only_our_own_files_are_taken_for_effective() -> None:
    """An operator's file always goes through the check."""
    assert effective.is_effective(effective.write({}))
    assert not effective.is_effective("consumer = s3_archive\n")
