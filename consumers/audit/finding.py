"""The findings of an audit."""

from collections.abc import Callable
from typing import Literal

import msgspec

Kind = Literal["missing", "doubled", "altered", "truncated", "gap", "unlisted", "unreadable", "manifest", "declared"]


class Finding(msgspec.Struct, frozen=True):
    """A fault of the archive, or a loss that the archive itself declares.

    missing: the manifest lists the object, and it is gone. doubled: the object's records are in another object too.
    altered, truncated: the bytes are not those that were written. gap: two objects that should follow each other do
    not. unlisted: the object is in a complete hour, and the manifest does not list it. unreadable: its metadata is
    missing or damaged. manifest: the hour's manifest or marker is missing or damaged. declared: records are missing or
    may be, according to the hour or an object.
    """

    kind: Kind
    where: str
    detail: str


Found = Callable[[Finding], None]
