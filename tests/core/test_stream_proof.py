"""What a start says of the stream."""

from pathlib import Path
from typing import Any, cast

import pytest

from consumers.kcl.stream_proof import prove
from consumers.stream import Described, NoStream, StreamShards
from tests.config.sample import settings
from tests.support.servers import Server


class Stream:
    """Describes itself."""

    def __init__(self, *, distributes_itself: bool) -> None:
        self._so = distributes_itself

    def describe(self) -> Described:
        """Say what it is."""
        return Described(None, None, 24, self._so)


class Lines:
    """Keeps what is said."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def warning(self, event: str, **_: Any) -> None:
        """Keep an event."""
        self.events.append(event)

    info = error = warning


@pytest.mark.parametrize("so", [True, False])
def test_a_stream_that_distributes_by_itself(tmp_path: Path, so: bool) -> None:
    """KCL drops aggregates of several keys there, which nobody behind it can see: each start says so."""
    lines = Lines()
    prove(settings(tmp_path), cast("StreamShards", Stream(distributes_itself=so)), None, lines)
    assert lines.events == (["aggregates_at_risk"] if so else [])


def test_a_missing_stream_is_said_with_its_region(aws: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file names no region, the line says where was looked all the same."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    with pytest.raises(NoStream, match=r"stream none is not there.*\(in eu-west-3 at http"):
        StreamShards({"StreamName": "none"}, None, aws.endpoint).describe()
