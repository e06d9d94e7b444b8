"""Each test of this folder has a staging area and a database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.local.redshift.warehouse import Warehouse
from tests.conftest import empty_bucket
from tests.support.servers import Server
from tests.support.warehouse import Place


@pytest.fixture
def place(aws: Server, house: Warehouse, tmp_path: Path) -> Iterator[Place]:
    """An empty staging area, and the tables."""
    empty_bucket(aws)
    found = Place(aws, house, tmp_path)
    found.create()
    yield found
    house.cut()  # what the test has left open would count among the next one's connections
