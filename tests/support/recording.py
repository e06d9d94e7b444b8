"""The embedded AWS, which writes down who asked for what: `python -m tests.support.recording --port N RECORD`.

A line of the record is a JSON list: the caller's access key, the action as IAM names it, and the resource's ARN. Each
is written once.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from consumers.local import aws
from tests.support.servers import Server, free_port, running

ACCOUNT = "123456789012"
_S3 = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_STREAM_OF_ITERATOR = "*"  # an iterator is opaque


class Asked(NamedTuple):
    """One kind of call."""

    who: str
    action: str
    resource: str


@contextmanager
def recording_aws(record: Path) -> Iterator[Server]:
    """Run it."""
    port = free_port()
    with running([sys.executable, "-m", "tests.support.recording", "--port", str(port), str(record)], port) as server:
        yield server


def read(record: Path) -> set[Asked]:
    """Give what was asked until now."""
    return {Asked(*json.loads(line)) for line in record.read_text().splitlines()}


def asked(environ: dict[str, Any], body: bytes) -> Iterable[Asked]:
    """Say what a request asks for, as IAM decides on it."""
    found = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    if not found:
        return
    who, service = found.groups()
    region = f"us-east-1:{ACCOUNT}"
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    if service == "s3":
        bucket, _, key = environ["PATH_INFO"].strip("/").partition("/")
        action = _S3[environ["REQUEST_METHOD"]] if key else "ListBucket"
        yield Asked(who, f"s3:{action}", f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}")
    elif service == "dynamodb":
        request = json.loads(body)
        index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
        table = request.get("TableName", "*")
        yield Asked(who, f"dynamodb:{target}", f"arn:aws:dynamodb:{region}:table/{table}{index}")
    elif service == "kinesis":
        request = json.loads(body)
        name = request.get("StreamName", _STREAM_OF_ITERATOR)
        yield Asked(who, f"kinesis:{target}", request.get("StreamARN") or f"arn:aws:kinesis:{region}:stream/{name}")
    else:
        action = target or parse_qs(body.decode(errors="replace")).get("Action", [environ["PATH_INFO"]])[0]
        service = {"monitoring": "cloudwatch"}.get(service, service)
        yield Asked(who, f"{service}:{action.rpartition('/')[2]}", "*")


def recorded(app: aws.WsgiApp, record: Path) -> aws.WsgiApp:
    """Write down what `app` is asked, before it answers."""
    seen: set[Asked] = set()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = BytesIO(body)
        for one in asked(environ, body):
            if one not in seen:
                seen.add(one)
                with record.open("a") as file:
                    file.write(json.dumps(one) + "\n")
        return app(environ, start_response)

    return application


if __name__ == "__main__":
    file = Path(sys.argv.pop())
    file.touch()
    complete = aws.complete
    aws.complete = lambda app: complete(recorded(app, file))
    aws.main()
