"""The archive in a demonstration: its properties, and its objects read back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from consumers.chain.layout import position_in, shard_in
from consumers.local.account import Kept
from consumers.local.archive_verdict import ArchiveAudit, ArchiveVerdict
from consumers.local.ledger import Ledger
from consumers.local.plan import Plan
from consumers.local.sink import Look, Server, Site
from consumers.objects.codecs import Garbled
from consumers.objects.reader import fetch

OBJECTS = "objects"
# Short, so that a minute of traffic makes several objects per shard.
_MAX_AGE_S = 5


def holds_records(key: str) -> bool:
    """Return whether ``key`` names an object of a chain, not an index or a note beside it."""
    return position_in(key) is not None


class ArchiveSink:
    """``s3_archive``."""

    name: Final = "s3_archive"
    place: Final = "the archive"
    done: Final = "archived"
    claim: Final = "is archived exactly once, byte for byte"
    server: Server | None = None
    commands: Sequence[str] = ("prepare",)
    companion: Final = ""
    conclusion: Final = ""

    def lacks(self) -> str:
        """Return nothing: the archive needs no more than AWS."""
        return ""

    def keys(self, plan: Plan, server: str) -> dict[str, object]:  # noqa: ARG002 - as the protocol has it
        """Return the keys ``archive.*``."""
        keys: dict[str, object] = {
            "archive.bucket": plan.bucket,
            "archive.prefix": plan.prefix,
            "archive.region": plan.region,
            "archive.maxAgeSeconds": _MAX_AGE_S,
        }
        if plan.endpoint is not None:
            keys["archive.endpoint"] = plan.endpoint
        if plan.compression is not None:
            keys["archive.compression"] = plan.compression
        return keys

    def audit(self, site: Site, ledger: Ledger, keep: Path | None, look: Look) -> ArchiveVerdict:
        """Compare all objects of the run with the ledger. An object that cannot be read counts as altered."""
        store = Kept(site.account, keep / OBJECTS if keep else None)
        audit = ArchiveAudit(ledger)
        sizes = site.account.objects(site.plan.prefix)
        for key in filter(holds_records, sizes):
            look("reading the archive back and comparing")
            try:
                audit.take(key, shard_in(key), fetch(store, key))
            except Garbled as fault:
                audit.spoil(key, str(fault))
        return audit.finish(sum(sizes.values()))
