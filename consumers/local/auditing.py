"""Reads a run's objects back and hands their records to the audit."""

from collections.abc import Callable
from pathlib import Path

from consumers.chain.layout import position_in, shard_in
from consumers.local.account import Account
from consumers.local.ledger import Ledger
from consumers.local.verdict import Audit, Verdict
from consumers.objects.codecs import Garbled
from consumers.objects.reader import fetch


class Kept:
    """An account whose objects are also written below a directory, if one is given."""

    def __init__(self, account: Account, directory: Path | None) -> None:
        """Read from ``account``."""
        self._account = account
        self._directory = directory

    def get(self, key: str) -> bytes:
        """Read the bytes of an object."""
        body = self._account.get(key)
        if self._directory is not None:
            copy = self._directory / key
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(body)
        return body


def holds_records(key: str) -> bool:
    """Tell whether ``key`` names an object of a chain, not an index or a note beside it."""
    return position_in(key) is not None


def audited(account: Account, ledger: Ledger, keep: Path | None, look: Callable[[str], None]) -> Verdict:
    """Compare all objects of the run with the ledger. An object that cannot be read is altered."""
    store, audit = Kept(account, keep), Audit(ledger)
    sizes = account.objects()
    keys = [key for key in sizes if holds_records(key)]
    for key in keys:
        look("reading back and comparing")
        try:
            audit.take(key, shard_in(key), fetch(store, key))
        except Garbled as fault:
            audit.spoil(key, str(fault))
    return audit.finish(sum(sizes.values()))
