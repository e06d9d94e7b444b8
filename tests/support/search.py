"""Real search servers on loopback, each with its data in a folder of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.elasticsearch import FOLDER, command, distribution, environment, runs_as
from tests.support.jdks import jdk
from tests.support.servers import PATIENCE_S, ROOT, free_port

HEAP = "256m"
_PAGE = 10_000
_REQUEST_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 20.0
_TEMPLATES = "kinesis-fleet-*"
_NOT_FETCHED = "{} {} is not fetched: make test-search-servers"

OPENSEARCH_2, OPENSEARCH_3 = "2.19.6", "3.9.0"
ELASTICSEARCH_8, ELASTICSEARCH_9 = "8.19.21", "9.5.3"


@dataclass(frozen=True, slots=True)
class Launch:
    """What starts a server: more of the environment, and another user where it must be one."""

    command: Sequence[str]
    environment: Mapping[str, str]
    user: int | None = None


class Absent(Exception):
    """This machine cannot run that server; the message says what is missing."""


class SearchNode:
    """A running server, and what a test asks of it without the code under test."""

    def __init__(self, launch: Callable[[int], Launch], log: Path) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._launch = launch
        self.process = self._start()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send JSON, or text and bytes as they are; give the status, and the JSON or text that answers."""
        data = body.encode() if isinstance(body, str) else body
        if data is not None and not isinstance(data, bytes):
            data = json.dumps(data).encode()
        kind = "application/x-ndjson" if path.partition("?")[0].endswith("/_bulk") else "application/json"
        request = urllib.request.Request(  # noqa: S310 - our own server
            self.endpoint + path, data, {"Content-Type": kind}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=_REQUEST_TIMEOUT_S) as answer:  # noqa: S310 - our own server
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read())

    def expect(self, method: str, path: str, body: Any = None) -> Any:
        """Ask for what must succeed."""
        status, answer = self.ask(method, path, body)
        assert status in {200, 201}, (method, path, status, answer)
        return answer

    def refresh(self, index: str = "*") -> None:
        """Let searches see what was indexed."""
        self.expect("POST", f"/{index}/_refresh")

    def count(self, index: str = "*") -> int:
        """Count the documents, after a refresh."""
        self.refresh(index)
        return int(self.expect("GET", f"/{index}/_count")["count"])

    def documents(self, index: str = "*") -> dict[str, Any]:
        """Read every document by its id, after a refresh. An id that stands in two indices is a fault."""
        found: dict[str, Any] = {}
        for hit in self.hits(index):
            assert hit["_id"] not in found, f"{hit['_id']} stands in more than one index"
            found[hit["_id"]] = hit["_source"]
        return found

    def hits(self, index: str = "*") -> Iterator[dict[str, Any]]:
        """Read every document with its index, however often an id stands in them."""
        self.refresh(index)
        query = {"size": _PAGE, "sort": ["_doc"]}
        page = self.expect("POST", f"/{index}/_search?scroll=1m", query)
        while "_scroll_id" in page and page["hits"]["hits"]:
            yield from page["hits"]["hits"]
            page = self.expect("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": page["_scroll_id"]})
        if "_scroll_id" in page:
            self.ask("DELETE", "/_search/scroll", {"scroll_id": page["_scroll_id"]})

    def settings(self, index: str, values: Mapping[str, Any]) -> None:
        """Change settings of an index; None takes one back."""
        self.expect("PUT", f"/{index}/_settings", dict(values))

    def cluster(self, values: Mapping[str, Any]) -> None:
        """Change settings of the cluster; None takes one back."""
        self.expect("PUT", "/_cluster/settings", {"persistent": dict(values)})

    def reset(self) -> None:
        """Delete all indices, data streams, our templates, and what was set of the cluster."""
        self.cluster({"*": None})
        self.ask("DELETE", "/_data_stream/*")  # which the Elasticsearch of integration tests does not know
        for path in ("/*?expand_wildcards=all", f"/_index_template/{_TEMPLATES}"):
            status, answer = self.ask("DELETE", path)
            assert status in {200, 404}, (path, answer)

    def kill(self) -> None:
        """Kill it, as a power cut does."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Stop it as an operator does."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def restart(self) -> None:
        """Start it again with the same data at the same port; one that still runs is stopped first."""
        self.stop()
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        launch = self._launch(self.port)
        with self.log.open("ab") as output:
            # A group of its own: Elasticsearch's start stays as the parent of its server.
            process = subprocess.Popen(
                launch.command,
                env={**os.environ, **launch.environment},
                user=launch.user,
                group=launch.user,
                extra_groups=None if launch.user is None else [],
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and process.poll() is None:
            try:
                status, _ = self.ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=30s")
            except OSError:
                status = 0
            if status == 200:
                return process
            time.sleep(0.05)  # a server that is not ours to make announce itself
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        message = f"{process.args!r} does not answer: {self.log.read_text(errors='replace')[-2000:]}"
        raise RuntimeError(message)


@contextmanager
def opensearch(*settings: str, heap: str = HEAP, version: str = OPENSEARCH_2) -> Iterator[SearchNode]:
    """Run OpenSearch with settings of the form ``name=value`` until the block ends.

    Raises:
        Absent: not the embedded version, and its JARs or its Java are not here.

    """
    chosen, environment = _opensearch(version)

    def launch(folder: Path, port: int) -> Launch:
        module = (sys.executable, "-m", "consumers.local.search.opensearch")
        where = ("--home", str(folder / "home"), "--port", str(port), "--heap", heap)
        return Launch((*module, *where, *chosen, *settings), environment)

    with _running(launch) as node:
        yield node


@contextmanager
def elasticsearch(version: str, *settings: str, heap: str = "512m") -> Iterator[SearchNode]:
    """Run Elasticsearch with settings of the form ``name=value`` until the block ends.

    Raises:
        Absent: its distribution or its Java is not here.

    """
    home = _jdk(17 if version.startswith("8.") else 21)
    distributed = distribution(version, home)
    if distributed is None:
        raise Absent(_NOT_FETCHED.format("Elasticsearch", version))
    if runs_as() is not None and not all(parent.stat().st_mode & 0o001 for parent in distributed.parents):
        message = f"{distributed} cannot be reached by the user that Elasticsearch has to be: move this checkout"
        raise Absent(message)

    def launch(folder: Path, port: int) -> Launch:
        own = folder / "home"
        return Launch(command(distributed, own, port, heap, settings), environment(own, home), runs_as())

    with _running(launch) as node:
        yield node


def _opensearch(version: str) -> tuple[Sequence[str], Mapping[str, str]]:
    if version == OPENSEARCH_2:
        return (), {}
    lib = FOLDER / f"opensearch-{version.partition('.')[0]}" / "lib"
    if not (lib / f"opensearch-{version}.jar").exists():
        raise Absent(_NOT_FETCHED.format("OpenSearch", version))
    lock = ROOT / "requirements" / "search" / f"opensearch-{version.partition('.')[0]}" / "jars.lock"
    return ("--lib", str(lib), "--lock", str(lock)), {"JAVA_HOME": str(_jdk(21))}


def _jdk(least: int) -> Path:
    home = jdk(least)
    if home is None:
        message = f"no JDK of Java {least} or later: install one, or set JAVA21_HOME to its home"
        raise Absent(message)
    return home


@contextmanager
def _running(launch: Callable[[Path, int], Launch]) -> Iterator[SearchNode]:
    folder = Path(tempfile.mkdtemp())
    try:
        node = SearchNode(lambda port: launch(folder, port), folder / "log")
        try:
            yield node
        finally:
            node.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _decoded(answer: bytes) -> Any:
    try:
        return json.loads(answer) if answer else None
    except ValueError:
        return answer.decode(errors="replace")
