"""Removes what was loaded long ago from the staging area. The ledger's rows stay: a row outlives its object."""

import re
from collections.abc import Container, Iterable
from datetime import UTC, datetime
from typing import Protocol

from consumers.chain.store import Entry, ObjectStore
from consumers.redshift.redrive import is_redriven

_LOAD = re.compile(r".*/(?P<moment>\d{8}T\d{6})-[0-9a-f]+\.manifest")


class RemovingStore(ObjectStore, Protocol):
    """A bucket from which something may be removed."""

    def remove(self, key: str) -> None:
        """Remove an object; nothing is wrong where there is none."""
        ...


def prune(store: RemovingStore, old: Iterable[Entry], loaded: Container[str]) -> int:
    """Remove those of the old objects that the ledger calls loaded, each with its letters; how many there were.

    An object of one redriven record stays: it is what keeps a second redrive from staging the record again.
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
