"""The contract on PostgreSQL: a real server."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("psycopg")

import psycopg

from consumers.config.consumer import Consumer
from consumers.local.redshift.cluster import Cluster
from consumers.postgres_rows import POSTGRES_ROWS, PostgresSettings, Table
from tests.concern.kit import Contract

DDL = """CREATE TABLE events (shard text, sequence numeric(60), sub bigint, arrival_ms bigint, partition_key text,
    payload bytea, PRIMARY KEY (shard, sequence, sub), CONSTRAINT fit CHECK (payload <> 'refused'))"""
_NUMBERS = itertools.count()


class PostgresPlace:
    """A database of its own."""

    once = True
    refused = b"refused"

    def __init__(self, cluster: Cluster) -> None:
        self._database = f"rows{next(_NUMBERS)}"
        cluster.create(self._database)
        self._server = f"host={cluster.socket.parent} user=rs dbname"
        self.keys: Mapping[str, object] = {"connection": f"{self._server}={self._database}", "requestSeconds": 5}
        self._ask(DDL)

    @property
    def consumer(self) -> Consumer:
        return POSTGRES_ROWS

    def connect(self, settings: PostgresSettings) -> Table:
        return Table(settings)

    def held(self) -> list[tuple[str, str, bytes]]:
        return [
            (shard, f"{at}:{sub}", data)
            for shard, at, sub, data in self._ask("SELECT shard, sequence, sub, payload FROM events")
        ]

    @contextmanager
    def away(self) -> Iterator[None]:
        self._ask(f"ALTER DATABASE {self._database} ALLOW_CONNECTIONS false", "postgres")
        self._ask(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._database}'", "postgres"
        )
        try:
            yield
        finally:
            self._ask(f"ALTER DATABASE {self._database} ALLOW_CONNECTIONS true", "postgres")

    def accept(self) -> Mapping[str, object]:
        self._ask("ALTER TABLE events DROP CONSTRAINT fit")
        return {}

    def _ask(self, statement: str, database: str = "") -> list[tuple[Any, ...]]:
        with psycopg.connect(f"{self._server}={database or self._database}", autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One for all tests."""
    cluster = Cluster()
    cluster.start()
    yield cluster
    cluster.stop()


class TestPostgresRows(Contract):
    """Exactly once."""

    @pytest.fixture
    def place(self, cluster: Cluster) -> PostgresPlace:
        """A database in it."""
        return PostgresPlace(cluster)
