"""`kinesis-fleet cat` gives back what was put, for people and for machines."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from consumers.cli import main
from consumers.objects.codecs import CODECS
from consumers.objects.reader import index_key
from consumers.objects.writer import ObjectWriter
from consumers.records import Record
from tests.conftest import empty_bucket
from tests.support.archive import BUCKET, archive_of
from tests.support.servers import Server

RECORDS = [
    Record(b'{"event":"play"}', "viewer-1", "49", 1_706_745_599_999, 0),
    Record(b"two\nlines", "viewer-2", "50", 1_706_745_600_000, 0),
    Record(b"\xff\x00\x1b[31m", "\x1b]0;title", "50", 1_706_745_600_000, 1),
]


def cat(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["cat", *arguments])


@pytest.fixture(params=["gzip", "none"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Write an object to a file, with its index beside it where it cannot hide."""
    codec = CODECS[request.param]
    writer = ObjectWriter(codec, codec.default_level)
    writer.add(RECORDS, [record.arrival_ms for record in RECORDS])
    content = writer.finish()
    path = tmp_path / f"s.shardId-000000000000.49.0.lines{codec.extension}"
    path.write_bytes(content.body)
    for beside, body in content.beside(str(path)):
        Path(beside).write_bytes(body)
    return path


def test_text(file: Path) -> None:
    """One line a record, whatever it holds; nothing of it reaches the terminal's control."""
    result = cat(str(file))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == '49:0\t2024-01-31T23:59:59.999+00:00\tviewer-1\t{"event":"play"}'
    assert lines[1].endswith("two\\nlines")
    assert len(lines) == len(RECORDS)
    assert "\x1b" not in result.stdout


def test_json(file: Path) -> None:
    """Payloads that are no text come in base64."""
    shown = [json.loads(line) for line in cat("--json", str(file)).stdout.splitlines()]
    assert shown[1] == {
        "position": "50:0",
        "arrivalMs": 1_706_745_600_000,
        "partitionKey": "viewer-2",
        "text": "two\nlines",
    }
    assert shown[2]["base64"] == "/wAbWzMxbQ=="


def test_data(file: Path) -> None:
    """The payloads alone, as zcat gives them."""
    assert cat("--data", str(file)).stdout_bytes == b"".join(record.payload + b"\n" for record in RECORDS)


def test_damaged(file: Path) -> None:
    """A cut file is named, with an exit code of its own."""
    file.write_bytes(file.read_bytes()[:-1])
    result = cat(str(file))
    assert result.exit_code == (65 if file.suffix == ".gz" else 66)  # the index's name holds the digest
    assert str(file) in result.stderr


def test_absent(tmp_path: Path) -> None:
    """So is one that is not there."""
    assert cat(str(tmp_path / "no.lines.gz")).exit_code == 66


@pytest.mark.parametrize("arguments", [("",), ("--json", "--data", "x.lines"), ("s3://bucket/dt=2026-01-31/hour=23/",)])
def test_what_cannot_be_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    """An empty name, as of an unset variable, is not the folder that one is in; S3 has no folders; one form holds."""
    (tmp_path / "x.lines").write_bytes(b"no object\n")
    monkeypatch.chdir(tmp_path)
    result = cat(*arguments)
    assert result.exit_code == 2
    assert "give" in result.stderr.lower()


def test_from_s3(aws: Server) -> None:
    """By its address, as the logs give the key."""
    empty_bucket(aws)
    codec = CODECS["gzip"]
    writer = ObjectWriter(codec, 1)
    writer.add(RECORDS, [record.arrival_ms for record in RECORDS])
    body = writer.finish().body
    archive_of(aws).put_new("p/s.x.49.0.lines.gz", body, {}, hashlib.sha256(body).digest())
    where = ["--endpoint", aws.endpoint, "--region", "us-east-1"]
    assert len(cat(*where, f"s3://{BUCKET}/p/s.x.49.0.lines.gz").stdout.splitlines()) == len(RECORDS)
    assert cat(*where, f"s3://{BUCKET}/nothing.gz").exit_code == 66
    assert cat(*where, "s3://no-such-bucket/x.gz").exit_code in {66, 69}


def test_an_index_that_is_not_there(tmp_path: Path) -> None:
    """It says which file to copy, and how to have the lines without it."""
    writer = ObjectWriter(CODECS["gzip"], 1, "none")
    writer.add(RECORDS, [record.arrival_ms for record in RECORDS])
    content = writer.finish()
    path = tmp_path / "s.shardId-000000000000.49.0.lines.gz"
    path.write_bytes(content.body)
    result = cat(str(path))
    assert result.exit_code == 66
    assert Path(index_key(str(path), content.sha256)).name in result.stderr
    assert "archive.index = none" in result.stderr


def test_a_store_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint that was asked is named, and there is something to do: nobody tries it again."""
    monkeypatch.setattr("consumers.s3.store.CONNECT_TIMEOUT_S", 0.5)
    result = cat("--endpoint", "http://127.0.0.1:9", "--region", "us-east-1", "s3://a-bucket/secret-key.gz")
    assert result.exit_code == 69
    assert "at http://127.0.0.1:9. Remedy: try again later" in result.stderr
    assert "none" not in result.stderr
