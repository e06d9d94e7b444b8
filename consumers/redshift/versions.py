"""The versions of a table that rows were ever made for: each is written down once, and never changes.

The loader finds there which columns an object's rows have, whatever the table file says by now.
"""

import hashlib

from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.redshift.table import Table, WrongTable, read_table
from consumers.waiting import Parked, Unavailable


class Versions:
    """One application's versions, in the staging bucket. Each call may raise `Unavailable`."""

    def __init__(self, store: ObjectStore, application: str) -> None:
        """Say where."""
        self._store = store
        self._folder = f"{STATE_PREFIX}/{application}/tables"
        self._known: dict[int, Table] = {}

    def declare(self, table: Table) -> None:
        """Make durable what this version is, before any row of it is.

        Raises:
            Unavailable: another table has the same version: an operator must raise it.

        """
        if self._known.get(table.version) == table:
            return
        key, body = self._key(table.version), table.canonical()
        if not self._store.put_new(key, body, {}, hashlib.sha256(body).digest()) and self._read(table.version) != table:
            reason = f"the table file was changed, and still is version {table.version}: {key} says otherwise"
            remedy = "write a higher version into it, and apply it: kinesis-fleet redshift-ddl --apply FILE"
            raise Unavailable(reason, remedy, operator=True)
        self._known[table.version] = table

    def of(self, version: int) -> Table:
        """Give the table of a version.

        Raises:
            Unavailable: nobody has declared it.

        """
        if version not in self._known:
            self._known[version] = self._read(version)
        return self._known[version]

    def _read(self, version: int) -> Table:
        key = self._key(version)
        found = self._store.find(key)
        remedy = "restore it: it says which columns the staged rows of this version have"
        if found is None:
            reason = f"{key} is gone"
            raise Parked(reason, remedy)
        try:
            return read_table(found.body)
        except WrongTable as fault:
            reason = f"{key} {fault}"
            raise Parked(reason, remedy) from fault

    def _key(self, version: int) -> str:
        return f"{self._folder}/{version}.json"
