"""The tables of one target in the database, whose objects they speak of, and how texts are written into SQL. Pure."""

from typing import NamedTuple

from consumers.redshift.identifiers import identifier

MOST_DETAIL = 2_000
FOLDERS = "dt="
"""What all folders of a staging area begin with: what lies elsewhere below its prefix is another one's."""


class Names(NamedTuple):
    """A table and what the fleet keeps beside it, all in one schema; and the staging area of one stream.

    `region` is the bucket's, where it is known. Several streams may go into one table: each sees in the ledger what is
    of its own bucket and prefix.
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
        """One row for each staged object that is done with: loaded, or quarantined."""
        return self._beside("_ledger")

    @property
    def lock(self) -> str:
        """One row, which a load locks first and then changes."""
        return self._beside("_lock")

    @property
    def hours(self) -> str:
        """A view for reports: what was loaded of each hour, and how late."""
        return self._beside("_hours")

    def _beside(self, ending: str) -> str:
        return f"{identifier(self.schema)}.{identifier(self.table + ending)}"

    def url(self, key: str) -> str:
        """Name an object as the ledger does."""
        return f"s3://{self.bucket}/{key}"

    def key(self, url: str) -> str:
        """Give the key of an object that the ledger names."""
        return url.removeprefix(f"s3://{self.bucket}/")

    @property
    def ours(self) -> str:
        """The condition that a row of the ledger is of this staging area, and not of one below it."""
        root = self.url(f"{self.prefix}/{FOLDERS}")
        return f"LEFT(object, {len(root)}) = {literal(root)}"


def literal(text: str, most: int = MOST_DETAIL) -> str:
    """Write a text as SQL. What a server might take for an escape becomes another character: these are no data."""
    plain = "".join(" " if ord(char) < ord(" ") else char for char in text.replace("\\", "/"))
    cut = plain.encode("utf-8", "replace")[:most].decode(errors="ignore")
    return "'" + cut.replace("'", "''") + "'"
