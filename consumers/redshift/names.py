"""The names of the tables in the database, of the staged objects in the ledger, and SQL literals. Pure."""

from typing import NamedTuple

from consumers.redshift.identifiers import identifier

MOST_DETAIL = 2_000
FOLDERS = "dt="
"""The prefix of all folders of a staging area. Other keys below its prefix belong to another area."""


class Names(NamedTuple):
    """The table and its tables beside it, all in one schema, and the staging area of one stream.

    `region` is the bucket's, if it is known. Several streams may load into one table: each sees the rows of the ledger
    that belong to its own bucket and prefix.
    """

    schema: str
    table: str
    bucket: str
    prefix: str
    region: str = ""

    @property
    def target(self) -> str:
        """The table itself."""
        return self._beside("")

    @property
    def ledger(self) -> str:
        """The table with one row for each staged object that is loaded or quarantined."""
        return self._beside("_ledger")

    @property
    def lock(self) -> str:
        """The table with one row, which a load locks first and then changes."""
        return self._beside("_lock")

    @property
    def hours(self) -> str:
        """The view for reports: what was loaded of each hour, and how late."""
        return self._beside("_hours")

    def _beside(self, ending: str) -> str:
        return f"{identifier(self.schema)}.{identifier(self.table + ending)}"

    def url(self, key: str) -> str:
        """Return the URL by which the ledger names an object."""
        return f"s3://{self.bucket}/{key}"

    def key(self, url: str) -> str:
        """Return the key of an object from its URL in the ledger."""
        return url.removeprefix(f"s3://{self.bucket}/")

    @property
    def ours(self) -> str:
        """The SQL condition that a row of the ledger belongs to this staging area, and not to one below it."""
        root = self.url(f"{self.prefix}/{FOLDERS}")
        return f"LEFT(object, {len(root)}) = {literal(root)}"


def literal(text: str, most: int = MOST_DETAIL) -> str:
    """Return a text as an SQL literal, cut at `most` bytes.

    A backslash becomes a slash, and a control character a blank, since a server might treat them as escapes. The texts
    are names and messages, not data.
    """
    plain = "".join(" " if ord(char) < ord(" ") else char for char in text.replace("\\", "/"))
    cut = plain.encode("utf-8", "replace")[:most].decode(errors="ignore")
    return "'" + cut.replace("'", "''") + "'"
