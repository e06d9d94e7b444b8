"""What the page on hours shows fits the archive: the schedulers' paths, and the reader of manifests."""

import ast
import hashlib
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec

from consumers.chain.layout import Layout
from consumers.chain.link import Link
from consumers.chain.store import Entry
from consumers.hours.manifest import (
    FORMAT,
    LATE,
    SUCCESS,
    Manifest,
    Note,
    Seal,
    SealedObject,
    add,
    manifest_key,
    part_of,
    sealed,
)
from consumers.hours.times import hour_text, parse_hour
from consumers.records import Position
from consumers.s3_archive import ArchiveSettings
from tests.docs.pages import page
from tests.docs.test_examples import executed

PARTITION = next(of.default for of in msgspec.structs.fields(ArchiveSettings) if of.name == "partition")
LAYOUT = Layout("raw/events", PARTITION, "player-events", ".gz")
HOURS = [parse_hour(text) for text in ("2026-01-31T23", "2026-02-01T00", "2024-02-29T07")]
BUCKET = "my-archive"
COORDINATOR = "{uri:oozie:coordinator:0.4}"


def blocks(language: str, holding: str) -> str:
    """Give the page's one block of a language that holds a text."""
    (found,) = [block for block in page("docs/hours.md").blocks(language) if holding in block]
    return found


def moment(hour_ms: int) -> datetime:
    """Give an hour's beginning."""
    return datetime.fromtimestamp(hour_ms // 1000, UTC)


def rendered(template: str, hour_ms: int) -> str:
    """Fill an Airflow template in for the run of an hour."""
    formed = re.sub(
        r"\{\{ data_interval_start\.strftime\('([^']*)'\) \}\}",
        lambda found: moment(hour_ms).strftime(found[1]),
        template,
    )
    assert "{{" not in formed
    return formed


def argument(source: str, function: str, name: str) -> str:
    """Give a text that is passed by name to a function."""
    (call,) = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
    ]
    (value,) = [keyword.value for keyword in call.keywords if keyword.arg == name]
    text = ast.literal_eval(value)
    assert isinstance(text, str)
    return text


def test_airflow_waits_for_the_marker() -> None:
    """The sensor's key of a run is the `_SUCCESS` of its hour."""
    key = argument(blocks("python", "S3KeySensor"), "S3KeySensor", "bucket_key")
    for hour_ms in HOURS:
        assert rendered(key, hour_ms) == f"s3://{BUCKET}/{LAYOUT.folder(hour_ms)}{SUCCESS}"


def test_airflow_queries_the_hour() -> None:
    """The query's partitions are those of the folder that the sensor waits for."""
    query = argument(blocks("python", "AthenaOperator"), "AthenaOperator", "query")
    for hour_ms in HOURS:
        (found,) = re.findall(r"WHERE dt = '(.*)' AND hour = '(.*)' GROUP", rendered(query, hour_ms))
        assert LAYOUT.folder(hour_ms).endswith("/dt={}/hour={}/".format(*found))


def test_oozie_waits_for_the_marker() -> None:
    """A dataset's instance is an hour's folder, its done-flag the marker, and an action waits for the hour before."""
    root = ET.fromstring(blocks("xml", "coordinator-app"))  # noqa: S314 - it is the page's own
    (template,) = [of.text or "" for of in root.iter(f"{COORDINATOR}uri-template")]
    forms = {"YEAR": "%Y", "MONTH": "%m", "DAY": "%d", "HOUR": "%H"}
    for hour_ms in HOURS:
        path = template
        for name, form in forms.items():
            path = path.replace(f"${{{name}}}", moment(hour_ms).strftime(form))
        assert f"{path}/" == f"s3a://{BUCKET}/{LAYOUT.folder(hour_ms)}"
    assert [of.text for of in root.iter(f"{COORDINATOR}done-flag")] == [SUCCESS]
    assert [of.text for of in root.iter(f"{COORDINATOR}instance")] == ["${coord:current(-1)}"]
    (dataset,) = root.iter(f"{COORDINATOR}dataset")
    first, start = (datetime.fromisoformat(text) for text in (dataset.attrib["initial-instance"], root.attrib["start"]))
    assert start - first == timedelta(hours=1)


def test_shell_waits_for_the_marker() -> None:
    """The lines are a shell's, and wait for the marker of a folder that the archive makes."""
    source = blocks("bash", "head-object")
    subprocess.run(["bash", "-n"], input=source, text=True, check=True, timeout=10)
    assert f"hour={LAYOUT.folder(HOURS[0]).rstrip('/')}\n" in source
    assert f'"$hour/{SUCCESS}"' in source


def one_object(position: int) -> tuple[SealedObject, bytes]:
    """Describe an object as the sealer does."""
    body, at = b"%d" % position, Position(position, 0)
    link = Link(
        stream="eu-west-1:player-events",
        shard="shardId-000000000000",
        first=at,
        last=at,
        after=None,
        origin=None,
        count=1,
        size=len(body),
        payload_bytes=1,
        first_arrival_ms=HOURS[0],
        min_arrival_ms=HOURS[0],
        max_arrival_ms=HOURS[0],
        sha256=hashlib.sha256(body).hexdigest(),
        writer="w",
    )
    return sealed(Entry(LAYOUT.key(link.shard, at, HOURS[0]), len(body), '"etag"'), link), body


def revise(folder: Path, revision: int, objects: tuple[SealedObject, ...], note: str) -> None:
    """Leave a manifest of these objects in a folder, and a note that names it."""
    hour = hour_text(HOURS[0])
    part = part_of(Seal(FORMAT, "eu-west-1:player-events", "shardId-000000000000", hour, revision, objects))
    totals = add([part.totals])
    made = Manifest(
        FORMAT,
        "eu-west-1:player-events",
        "archive",
        hour,
        revision,
        complete=True,
        holes=(),
        totals=totals,
        shards=(part,),
    )
    key = manifest_key(LAYOUT, HOURS[0], revision)
    (folder / key.rpartition("/")[2]).write_bytes(msgspec.json.encode(made))
    (folder / note).write_bytes(msgspec.json.encode(Note(FORMAT, hour, key, revision, totals)))


def test_reader_of_manifests_finds_what_came_late(tmp_path: Path) -> None:
    """The page's functions read what the archive writes: the objects, what the marker did not know, and digests."""
    reader = executed(blocks("python", "came_later"), "reader")
    (first, body), (late, _) = one_object(1), one_object(2)
    revise(tmp_path, 1, (first,), SUCCESS)
    assert reader.came_later(tmp_path) == set()
    revise(tmp_path, 2, (first, late), LATE)
    revise(tmp_path, 10, (first, late), LATE)
    assert reader.latest(tmp_path)["revision"] == 10
    assert reader.came_later(tmp_path) == {late.key}
    ((key, records, sha256),) = list(
        reader.objects(msgspec.json.decode((tmp_path / "_manifest.0001.json").read_bytes()))
    )
    assert (key, records) == (first.key, 1)
    assert reader.is_as_written(body, sha256)
    assert not reader.is_as_written(body + b"x", sha256)


def test_names_on_the_page_are_those_of_the_archive() -> None:
    """The text's paths are a folder of the archive, with its marker and its first manifest."""
    folder = LAYOUT.folder(HOURS[0])
    text = page("docs/hours.md").text
    assert f"s3://{BUCKET}/{folder}{SUCCESS}\n" in text
    assert f"`{manifest_key(LAYOUT, HOURS[0], 1).removeprefix(folder)}`" in text
