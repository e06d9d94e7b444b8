"""What an audit finds."""

from collections.abc import Callable
from typing import Literal

import msgspec

Kind = Literal["missing", "doubled", "altered", "truncated", "gap", "unlisted", "unreadable", "manifest", "declared"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong, or that the archive says itself is missing.

    missing: the manifest lists the object, and it is gone. doubled: a second place for records that stand elsewhere.
    altered, truncated: other bytes than were written. gap: a link between two objects is not there. unlisted: it stands
    in a complete hour, and the manifest does not know it. unreadable: its metadata is missing or damaged. manifest: the
    hour's manifest or marker is missing or damaged. declared: records are missing or may be, as the hour or an object
    says.
    """

    kind: Kind
    where: str
    detail: str


Found = Callable[[Finding], None]
