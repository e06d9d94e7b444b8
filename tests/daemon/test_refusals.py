"""A start that cannot be right is refused before Java runs: one clear line, the remedy, the exit code."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.daemon.indexing import IndexStage
from tests.daemon.stage import Row, Stage
from tests.support.proxy import Call, FaultProxy
from tests.support.real_daemon import FLEET, LIVENESS_S, RealDaemon, fleet_environment
from tests.support.search import SearchNode
from tests.support.servers import ROOT

pytestmark = pytest.mark.daemon
EX_UNAVAILABLE, EX_CONFIG = 69, 78
JAVA_RAN = "java-ran"
TELLS_APART_S = 3


@pytest.fixture
def java_home(folder: Path) -> Path:
    """A Java that tells its version, and leaves a mark where a daemon would run."""
    java = folder / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(
        "#!/bin/sh\n"
        """if [ "$*" = -version ]; then echo 'openjdk version "17.0.1"' >&2; exit; fi\n"""
        f"""touch {folder / JAVA_RAN}; echo '{{"event": "java"}}'\n"""
    )
    java.chmod(0o755)
    return java.parents[1]


class Refused:
    """What a refused start left behind."""

    def __init__(self, stage: Stage, properties: Path, java_home: Path, environment: Mapping[str, str]) -> None:
        before = leases_of(stage)
        self.result = subprocess.run(
            [*FLEET, "daemon", str(properties)],
            cwd=ROOT,
            env={"JAVA_HOME": str(java_home), **environment},
            capture_output=True,
            text=True,
            timeout=LIVENESS_S,
            check=False,
        )
        assert not (stage.folder / JAVA_RAN).exists(), "Java was started"
        assert leases_of(stage) == before
        self.line = self.result.stderr.strip()


def leases_of(stage: Stage) -> dict[str, Row]:
    """Read the lease table, which need not exist."""
    tables = stage.server.client("dynamodb").list_tables()["TableNames"]
    return stage.leases() if stage.name in tables else {}


def assert_one_line(refused: Refused, code: int, *words: str) -> None:
    assert refused.result.returncode == code, refused.line
    assert len(refused.line.splitlines()) == 1, refused.line
    for word in words:
        assert word in refused.line
    assert "Traceback" not in refused.line


def test_missing_bucket(stage: Stage, java_home: Path) -> None:
    """The line names the key and the bucket, and says to create it or to correct the key."""
    properties = stage.properties(**{"archive.bucket": "no-such-bucket"})
    stage.prepare(properties)
    refused = Refused(stage, properties, java_home, fleet_environment(stage.folder))
    assert_one_line(refused, EX_UNAVAILABLE, "archive.bucket", "no-such-bucket", "NoSuchBucket", "create the bucket")


def test_no_credentials(stage: Stage, java_home: Path) -> None:
    """The line says what the process lacks."""
    properties = stage.properties()
    environment = {
        name: value for name, value in fleet_environment(stage.folder).items() if not name.startswith("AWS_")
    }
    nowhere = str(stage.folder / "absent")
    environment |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "AWS_CONFIG_FILE": nowhere,
    }
    refused = Refused(stage, properties, java_home, environment)
    assert_one_line(refused, EX_UNAVAILABLE, "archive.bucket", "NoCredentialsError", "give the process AWS credentials")


HINT = {"x-amz-bucket-region": "eu-west-1"}
ANSWERS: dict[str, tuple[int, str, dict[str, str], str]] = {
    "wrong_region": (301, "PermanentRedirect", HINT, "archive.region"),
    "redirect": (301, "PermanentRedirect", {}, "archive.region"),
    "wrong_region_in_the_signature": (400, "AuthorizationHeaderMalformed", HINT, "archive.region"),
    "no_right": (403, "AccessDenied", {}, "s3:PutObject"),
    "unknown_key": (403, "InvalidAccessKeyId", {}, "AWS credentials"),
    "wrong_clock": (403, "RequestTimeTooSkewed", {}, "clock"),
    "no_conditions": (501, "NotImplemented", {}, "If-None-Match"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_answers_that_only_an_operator_mends(stage: Stage, java_home: Path, case: str) -> None:
    """What real S3 answers and the stand-in does not: each is told with its remedy."""
    status, code, headers, remedy = ANSWERS[case]
    with always(status, code, headers) as endpoint:
        properties = stage.properties(endpoint=endpoint)
        refused = Refused(stage, properties, java_home, fleet_environment(stage.folder))
    assert_one_line(refused, EX_UNAVAILABLE, "archive.bucket", code, remedy)


def test_store_that_ignores_the_condition(stage: Stage, s3_proxy: FaultProxy, java_home: Path) -> None:
    """A proxy that drops If-None-Match would let objects be overwritten: it is found out by the probe."""
    forward = s3_proxy.forward

    def careless(method: str, path: str, headers: dict[str, str], body: bytes):  # type: ignore[no-untyped-def]
        return forward(method, path, {n: v for n, v in headers.items() if n.lower() != "if-none-match"}, body)

    s3_proxy.forward = careless  # type: ignore[method-assign]
    properties = stage.properties(endpoint=s3_proxy.endpoint)
    refused = Refused(stage, properties, java_home, fleet_environment(stage.folder))
    assert_one_line(refused, EX_UNAVAILABLE, "archive.endpoint", s3_proxy.endpoint, "If-None-Match", "use a store")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"archive.bucket": "Not_A_Bucket"}, ("archive.bucket", "Give the bucket's name")),
        ({"archive.maxRecord": 5}, ("archive.maxRecord", "archive.maxRecords")),
        ({"shutdownGraceMillis": 1000}, ("shutdownGraceMillis", "flushTimeoutSeconds")),
    ],
)
def test_faults_of_the_file(stage: Stage, java_home: Path, change: dict[str, object], words: tuple[str, ...]) -> None:
    """They have the exit code that a process manager does not retry, with file, line and key."""
    properties = stage.properties(**change)
    refused = Refused(stage, properties, java_home, fleet_environment(stage.folder))
    assert_one_line(refused, EX_CONFIG, str(properties), *words)


def test_store_that_is_away_is_waited_for(stage: Stage, s3_proxy: FaultProxy, java_home: Path) -> None:
    """Only what an operator must mend is refused: the start goes on by itself once the store answers."""
    s3_proxy.fault = lambda call: setattr(call, "status", 503)
    properties = stage.properties(endpoint=s3_proxy.endpoint)
    environment = fleet_environment(stage.folder, {"JAVA_HOME": str(java_home)})
    command = [*FLEET, "daemon", str(properties)]
    with RealDaemon(command, environment, stage.folder / "daemon.log") as daemon:
        daemon.await_lines("waiting", bool)
        assert not (stage.folder / JAVA_RAN).exists()
        s3_proxy.fault = lambda _call: None
        daemon.await_lines("java", bool)
        assert daemon.wait() == 0


def test_sigterm_ends_the_waiting(stage: Stage, s3_proxy: FaultProxy, java_home: Path) -> None:
    """A stop is not held up by a store that is away."""
    s3_proxy.fault = lambda call: setattr(call, "status", 503)
    properties = stage.properties(endpoint=s3_proxy.endpoint)
    environment = fleet_environment(stage.folder, {"JAVA_HOME": str(java_home)})
    command = [*FLEET, "daemon", str(properties)]
    with RealDaemon(command, environment, stage.folder / "daemon.log") as daemon:
        daemon.await_lines("waiting", bool)
        assert daemon.drain() in {-15, 143}
    assert not (stage.folder / JAVA_RAN).exists()


def remade(stage: Stage) -> None:
    """Delete the stage's stream, and make it again under its name."""
    kinesis = stage.server.client("kinesis")
    made = kinesis.describe_stream_summary(StreamName=stage.name)["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    kinesis.delete_stream(StreamName=stage.name)
    while time.time() < made.timestamp() + TELLS_APART_S:
        time.sleep(0.1)  # times of creation are what tells streams apart
    kinesis.create_stream(StreamName=stage.name, ShardCount=stage.shards)


def test_missing_stream(stage: Stage, java_home: Path) -> None:
    """The line names the stream, its region and the endpoint, and says that other regions are not seen."""
    properties = stage.properties(streamName="no-such-stream")
    refused = Refused(stage, properties, java_home, fleet_environment(stage.folder))
    words = ("no-such-stream", "us-east-1", stage.server.endpoint, "correct streamName", "another region")
    assert_one_line(refused, EX_UNAVAILABLE, *words)


def test_no_region(stage: Stage, java_home: Path) -> None:
    """A file that says no region, where the environment says none, is a fault of the configuration."""
    properties = stage.properties()
    properties.write_text(properties.read_text().replace("regionName", "# regionName"))
    environment = {
        name: value for name, value in fleet_environment(stage.folder).items() if not name.endswith("_REGION")
    }
    refused = Refused(stage, properties, java_home, {**environment, "AWS_CONFIG_FILE": os.devnull})
    assert_one_line(refused, EX_CONFIG, "regionName")


def test_stream_made_anew(stage: Stage, java_home: Path) -> None:
    """Daemon and `prepare` say which stream was read and which is there; an archive needs other names to begin anew."""
    properties = stage.properties()
    stage.prepare(properties)
    remade(stage)
    refused = Refused(stage, properties, java_home, fleet_environment(stage.folder))
    assert_one_line(refused, EX_CONFIG, stage.name, "was made anew under its name", f"start-over {properties}")
    for command in (("prepare",), ("start-over",), ("start-over", "--yes")):
        told = fleet(stage, *command, properties)
        assert told.returncode == EX_CONFIG
        assert len(told.stderr.splitlines()) == 1, told.stderr
    assert "another applicationName and archive.prefix" in told.stderr
    renamed = stage.properties(applicationName=f"{stage.name}-2", **{"archive.prefix": "raw-2"})
    assert "has read nothing yet: kinesis-fleet prepare" in fleet(stage, "start-over", renamed).stdout
    assert started(stage, renamed, java_home) == 0


def test_an_index_starts_over(stage: Stage, search: SearchNode, java_home: Path) -> None:
    """After a look and a word of consent its leases are those of the new stream, once its daemons have stopped."""
    properties = IndexStage(stage, search).properties()
    stage.prepare(properties)
    assert fleet(stage, "start-over", properties).returncode == 0
    before = stage.leases()
    rewind(stage, min(before), "49590338271490256608559692538361571095921575989136588898")
    remade(stage)
    dry = fleet(stage, "start-over", properties)
    assert (dry.returncode, "2 leases of the former one" in dry.stdout) == (1, True)
    assert len(stage.leases()) == 2
    done = fleet(stage, "start-over", "--yes", properties)
    assert (done.returncode, done.stderr) == (0, "")
    assert {(row.checkpoint, row.owner) for row in stage.leases().values()} == {("TRIM_HORIZON", None)}
    assert fleet(stage, "start-over", "--yes", properties).stdout.endswith("there is nothing to do\n")
    assert started(stage, properties, java_home) == 0


def test_a_role_that_may_not_describe_the_stream(stage: Stage, s3_proxy: FaultProxy, java_home: Path) -> None:
    """It is told what it lacks, and the daemon starts: an upgrade must not stop a fleet whose policy is older."""

    def denied(call: Call) -> None:
        if call.headers.get("x-amz-target", "").endswith("DescribeStreamSummary"):
            call.status, call.answer = 400, b'{"__type":"AccessDeniedException","message":"-"}'

    s3_proxy.fault = denied
    properties = stage.properties(kinesisEndpoint=s3_proxy.endpoint)
    assert started(stage, properties, java_home, "stream_unproven") == 0


def rewind(stage: Stage, shard: str, checkpoint: str) -> None:
    """Set a lease as a daemon leaves it that has read."""
    stage.server.client("dynamodb").update_item(
        TableName=stage.name,
        Key={"leaseKey": {"S": shard}},
        UpdateExpression="SET checkpoint = :c, leaseOwner = :o, leaseCounter = :n",
        ExpressionAttributeValues={":c": {"S": checkpoint}, ":o": {"S": "stopped"}, ":n": {"N": "7"}},
    )


def fleet(stage: Stage, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    command, environment = [*FLEET, *map(str, words)], fleet_environment(stage.folder)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def started(stage: Stage, properties: Path, java_home: Path, *events: str) -> int:
    """Start the daemon with a Java that ends at once, and wait for what it logs; its exit code."""
    environment = fleet_environment(stage.folder, {"JAVA_HOME": str(java_home)})
    with RealDaemon([*FLEET, "daemon", str(properties)], environment, stage.folder / "daemon.log") as daemon:
        for event in (*events, "java"):
            daemon.await_lines(event, bool)
        return daemon.wait()


@contextmanager
def always(status: int, code: str, headers: Mapping[str, str]) -> Iterator[str]:
    """Serve one error to every request, as S3 writes it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>-</Message></Error>".encode()

    class Refusal(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _serve(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = _serve

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusal)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
