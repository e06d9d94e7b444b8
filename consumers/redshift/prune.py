"""Removes objects from the staging area that were loaded long ago. Their rows in the ledger stay."""

import re
from collections.abc import Container, Iterable
from datetime import UTC, datetime
from typing import Protocol

from consumers.chain.store import Entry, ObjectStore
from consumers.redshift.redrive import is_redriven

_LOAD = re.compile(r".*/(?P<moment>\d{8}T\d{6})-[0-9a-f]+\.manifest")


class RemovingStore(ObjectStore, Protocol):
    """A bucket whose objects can be removed."""

    def remove(self, key: str) -> None:
        """Remove an object. It is no error if it does not exist."""
        ...


def prune(store: RemovingStore, old: Iterable[Entry], loaded: Container[str]) -> int:
    """Remove the loaded ones of the old objects, each with its letters. Return their number.

    An object of one redriven record stays: it keeps a second redrive from staging the record again.
    """
    count = 0
    for entry in old:
        folder, _, name = entry.key.rpartition("/")
        if entry.key not in loaded or is_redriven(name):
            continue
        for letters in list(store.list(f"{folder}/_{name}.")):
            store.remove(letters.key)
        store.remove(entry.key)
        count += 1
    return count


def prune_manifests(store: RemovingStore, folder: str, before_ms: int) -> None:
    """Remove the manifests of loads before a time: COPY has read them long ago."""
    for entry in list(store.list(f"{folder}/")):
        found = _LOAD.fullmatch(entry.key)
        if found is None:
            continue
        moment = datetime.strptime(found["moment"], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        if moment.timestamp() * 1000 < before_ms:
            store.remove(entry.key)
