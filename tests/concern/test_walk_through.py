"""The contract on the consumer that docs/new-consumer.md walks through."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from consumers.config.consumer import Consumer
from tests.concern.kit import Contract
from tests.docs.pages import page


class RowsPlace:
    """A SQLite file in a folder of its own."""

    once = True
    refused = b"r" * 1_000_001

    def __init__(self, folder: Path) -> None:
        (source,) = page("docs/new-consumer.md").blocks("python")
        self._module: Any = ModuleType("rows")
        exec(compile(source, "rows", "exec"), self._module.__dict__)  # noqa: S102 - it is the page's own
        self._folder = folder / "rows"
        self._folder.mkdir()
        self._file = self._folder / "rows.db"
        self.keys: Mapping[str, object] = {"path": self._file}

    @property
    def consumer(self) -> Consumer:
        consumer: Consumer = self._module.ROWS
        return consumer

    def connect(self, settings: Any) -> Any:
        return self._module.File(settings)

    def held(self) -> list[tuple[str, str, bytes]]:
        database = sqlite3.connect(self._file)
        rows = database.execute("SELECT shard, sequence, sub, data FROM record").fetchall()
        database.close()
        return [(shard, f"{sequence}:{sub}", data) for shard, sequence, sub, data in rows]

    @contextmanager
    def away(self) -> Iterator[None]:
        gone = self._folder.rename(self._folder.with_name("gone"))
        try:
            yield
        finally:
            gone.rename(self._folder)

    def accept(self) -> Mapping[str, object]:
        self._module.MOST_BYTES = 2_000_000
        return {}


class TestRows(Contract):
    """Exactly once."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> RowsPlace:
        """A file."""
        return RowsPlace(tmp_path)
