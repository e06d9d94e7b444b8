"""The stand-in, once for all tests of this folder; each test has a database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.local.redshift.warehouse import Warehouse
from tests.conftest import empty_bucket
from tests.support import warehouse as support
from tests.support.servers import Server
from tests.support.warehouse import Place


@pytest.fixture(scope="session")
def running(aws: Server) -> Iterator[Warehouse]:
    """A stand-in."""
    yield from support.warehouse(aws)


@pytest.fixture
def house(running: Warehouse) -> Warehouse:
    """The stand-in, without any fault."""
    running.faults.clear()
    running.faults.texts.clear()
    running.faults.counts.clear()
    return running


@pytest.fixture
def place(aws: Server, house: Warehouse, tmp_path: Path) -> Place:
    """An empty staging area, and the tables."""
    empty_bucket(aws)
    found = Place(aws, house, tmp_path)
    found.create()
    return found
