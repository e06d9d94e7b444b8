"""All versions of a table that rows were made for. Each is stored once and never changes.

They tell the loader which columns an object's rows have, whatever the table file says now.
"""

import hashlib

from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.redshift.table import Table, WrongTable, read_table
from consumers.waiting import Parked, Unavailable


class Versions:
    """The stored versions of one application, in the staging bucket. Each call may raise `Unavailable`."""

    def __init__(self, store: ObjectStore, application: str) -> None:
        """Store the bucket and the folder."""
        self._store = store
        self._folder = f"{STATE_PREFIX}/{application}/tables"
        self._known: dict[int, Table] = {}

    def declare(self, table: Table) -> None:
        """Store this version durably, before any row is made for it.

        Raises:
            Unavailable: another table has the same version, and an operator must raise it.
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
        """Return the table of a version.

        Raises:
            Unavailable: the version was not declared.
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
