"""The programs that are compared, each set up for the same work."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import lines, services
from tests.bench.services import BUCKET

_PROPERTIES = """\
consumer = s3_archive
streamName = {stream}
applicationName = {name}
regionName = us-east-1
metricsLevel = NONE
kinesisEndpoint = {endpoint}
dynamoDBEndpoint = {endpoint}
archive.bucket = {bucket}
archive.prefix = archive/{name}
archive.endpoint = {endpoint}
archive.maxRecords = {records}
"""

_INDEX_PROPERTIES = """\
consumer = elasticsearch_index
streamName = {stream}
applicationName = {index}
regionName = us-east-1
index.url = {search}
index.name = {index}
index.deadLetters.bucket = {bucket}
index.deadLetters.endpoint = {s3}
index.deadLetters.region = us-east-1
"""


def children(directory: Path, endpoint: str, tape: lines.Tape) -> dict[str, list[str]]:
    """Give the command of each child of the child benchmark, all with the same number of records an object."""
    payload = directory / "floor.payload"
    payload.write_bytes(tape.payload(0))
    commands = {
        "stock": stock_child(endpoint, "stock", lines.OBJECT_RECORDS),
        "floor": [sys.executable, "-m", "tests.bench.floor_child", str(payload)],
    }
    if ours_is_here():
        commands["ours"] = our_child(directory, endpoint, "ours", lines.OBJECT_RECORDS)
    return commands


def stock_child(endpoint: str, prefix: str, records: int = lines.LINE_RECORDS) -> list[str]:
    """Give the command of the stock child."""
    return [sys.executable, "-m", "tests.bench.stock_child", BUCKET, f"archive/{prefix}", endpoint, str(records)]


def our_child(directory: Path, endpoint: str, prefix: str, records: int = lines.LINE_RECORDS) -> list[str]:
    """Give the command of our child, with an effective properties file as the launcher writes it."""
    from consumers.config.settings import load
    from consumers.kcl.launcher import render
    from consumers.registry import CONSUMERS

    folder = directory / f"runtime-{prefix}"
    folder.mkdir(exist_ok=True)
    launch = render(load(our_properties(directory, endpoint, prefix, records), CONSUMERS), folder)
    return [sys.executable, "-m", "consumers.child", str(launch.properties)]


def our_properties(directory: Path, endpoint: str, prefix: str, max_records: int = lines.LINE_RECORDS) -> Path:
    """Give the properties file of our consumer, as an operator would write it, with stock's size of objects."""
    path = directory / f"{prefix}.properties"
    path.write_text(
        _PROPERTIES.format(stream=services.STREAM, name=prefix, endpoint=endpoint, bucket=BUCKET, records=max_records)
    )
    return path


def index_properties(directory: Path, s3: str, search: str, index: str) -> Path:
    """Give the properties file of our search index, with all its defaults. Each index is an application of its own."""
    path = directory / f"{index}.properties"
    path.write_text(_INDEX_PROPERTIES.format(stream=services.STREAM, index=index, search=search, s3=s3, bucket=BUCKET))
    return path


def memory_children() -> dict[str, Callable[[Path, str, str], list[str]]]:
    """Give the children of the memory benchmark: what makes their command, for a directory, an endpoint and a use."""

    def stock(_directory: Path, endpoint: str, prefix: str) -> list[str]:
        return stock_child(endpoint, prefix)

    return ({"ours": our_child} if ours_is_here() else {}) | {"stock": stock}


def ours_is_here() -> bool:
    """Whether the child can be started at all."""
    return importlib.util.find_spec("consumers.child") is not None
