"""``kinesis-fleet cat``: prints the records in objects of the archive."""

import base64
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from consumers.objects.codecs import Garbled
from consumers.objects.reader import fetch
from consumers.records import Record
from consumers.s3.store import BucketAccess, S3Store
from consumers.waiting import Unavailable

EPILOG = """\b
Examples:
  kinesis-fleet cat s3://bucket/raw/dt=2026-01-31/hour=23/events.shardId-000000000000.49…0.lines.gz
  kinesis-fleet cat --json events.shardId-000000000000.49…0.lines.gz | jq .position
  kinesis-fleet cat --data FILE > payloads.bin
  kinesis-fleet cat raw/dt=2026-01-31/hour=23 | wc -l    # the records of a folder that was copied here

\b
Each line has four fields, separated by tabs: position, arrival time (UTC), partition key, and payload with unprintable
bytes escaped. A record without a partition key has \\N there (null with --json).
With --json, the payload is in "text" if it is valid UTF-8, otherwise in "base64".
With --data, the payloads are printed as they were put, each followed by a newline, as zcat prints them.

\b
Exit codes: 0 done; 2 wrong usage; 65 an object is damaged, or is not one of the archive; 66 the object, or its index,
does not exist; 69 S3 refuses.
"""


_NO_KEY = "\\N"


class _Failed(click.ClickException):
    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click declares it once for the class


class _Folder:
    """Read local files through the interface of an object store."""

    def get(self, key: str) -> bytes:
        path = Path(key)
        try:
            return path.read_bytes()
        except OSError as error:
            message = f"{error.strerror}"
            raise KeyError(message) from error


@click.command(epilog=EPILOG)
@click.argument("objects", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per record.")
@click.option("--data", "as_data", is_flag=True, help="Print only the payloads, byte for byte.")
@click.option("--endpoint", default="", help="URL of the S3 endpoint, if it is not AWS.")
@click.option("--region", default="", help="Region of the bucket.")
def command(objects: tuple[str, ...], endpoint: str, region: str, *, as_json: bool, as_data: bool) -> None:
    """Print the records of OBJECTS: files, folders of files, or s3://bucket/key."""
    if as_json and as_data:
        message = "--json and --data are two forms. Give one of them"
        raise click.UsageError(message)
    if "" in objects:  # an unset shell variable: it would mean the current folder
        message = "an empty name is no object: give a file, a folder, or s3://bucket/key"
        raise click.UsageError(message)
    write = _json if as_json else _data if as_data else _text
    out = sys.stdout.buffer
    for name in _expanded(objects):
        try:
            for record in _records(name, endpoint, region):
                out.write(write(record))
        except KeyError as error:
            message = f"{name}: {error.args[0]}"
            raise _Failed(message, 66) from error
        except Garbled as error:
            message = f"{name}: {error}"
            raise _Failed(message, 65) from error
        except Unavailable as error:
            raise _Failed(str(error).replace("archive.", "--"), 69) from error
        except BrokenPipeError:  # as in `| head`
            sys.stderr.close()
            return
    out.flush()


def _expanded(names: tuple[str, ...]) -> Iterator[str]:
    """Replace folders by their objects, and leave out indexes and markers, whose names begin with an underscore."""
    for name in names:
        found = sorted(Path(name).rglob("*.lines*")) if not name.startswith("s3://") and Path(name).is_dir() else [name]
        yield from (str(path) for path in found if not str(path).rpartition("/")[2].startswith("_"))


def _records(name: str, endpoint: str, region: str) -> Iterator[Record]:
    if not name.startswith("s3://"):
        return fetch(_Folder(), name)
    bucket, _, key = name.removeprefix("s3://").partition("/")
    if not bucket or not key or key.endswith("/"):
        folder = ", or copy the folder: aws s3 cp --recursive" if key else ""
        message = f"{name} names no object: give s3://bucket/key{folder}"
        raise click.UsageError(message)
    return fetch(S3Store(BucketAccess(bucket, region, endpoint)), key)


def _text(record: Record) -> bytes:
    shown = record.payload.decode("utf-8", "backslashreplace")
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
    key = _NO_KEY
    if record.partition_key is not None:
        key = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in record.partition_key)
    return f"{record.position}\t{_moment(record.arrival_ms)}\t{key}\t{safe}\n".encode()


def _json(record: Record) -> bytes:
    payload: dict[str, str]
    try:
        payload = {"text": record.payload.decode("utf-8")}
    except UnicodeDecodeError:
        payload = {"base64": base64.b64encode(record.payload).decode()}
    described = {
        "position": str(record.position),
        "arrivalMs": record.arrival_ms,
        "partitionKey": record.partition_key,
        **payload,
    }
    return msgspec.json.encode(described) + b"\n"


def _data(record: Record) -> bytes:
    return record.payload + b"\n"


def _moment(arrival_ms: int) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415 - needed only by this form

    return datetime.fromtimestamp(arrival_ms / 1000, UTC).isoformat(timespec="milliseconds")
