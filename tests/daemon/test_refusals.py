"""A start that cannot be right is refused before Java runs: one clear line, the remedy, the exit code."""

import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.daemon.stage import Row, Stage
from tests.support.proxy import FaultProxy
from tests.support.real_daemon import FLEET, LIVENESS_S, RealDaemon, fleet_environment
from tests.support.servers import ROOT

pytestmark = pytest.mark.daemon
EX_UNAVAILABLE, EX_CONFIG = 69, 78
JAVA_RAN = "java-ran"


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
