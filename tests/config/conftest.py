"""What the tests of commands share."""

from collections.abc import Iterator

import pytest

from consumers import aws


@pytest.fixture(autouse=True)
def own_session() -> Iterator[None]:
    """Let no session outlive its test: one that was made under moto keeps moto's keys for whatever comes after."""
    yield
    aws.forget()
