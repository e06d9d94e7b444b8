"""Real search servers on loopback, each with its data in a folder of its own."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.servers import PATIENCE_S, free_port

HEAP = "256m"
_PAGE = 10_000
_REQUEST_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 20.0
_TEMPLATES = "kinesis-fleet-*"

Command = Callable[[int], Sequence[str]]
"""Gives what starts a server at a port; the command may write to its standard output once it answers, or not."""


class SearchNode:
    """A running server, and what a test asks of it without the code under test."""

    def __init__(self, command: Command, log: Path) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._command = command
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
        for path in ("/_data_stream/*", "/*?expand_wildcards=all", f"/_index_template/{_TEMPLATES}"):
            status, answer = self.ask("DELETE", path)
            assert status in {200, 404}, (path, answer)

    def kill(self) -> None:
        """Kill it, as a power cut does."""
        self.process.kill()
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
        with self.log.open("ab") as output:
            process = subprocess.Popen(self._command(self.port), stdout=output, stderr=output)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and process.poll() is None:
            try:
                status, _ = self.ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=30s")
            except OSError:
                status = 0
            if status == 200:
                return process
            time.sleep(0.05)  # a server that is not ours to make announce itself
        process.kill()
        message = f"{process.args!r} does not answer: {self.log.read_text(errors='replace')[-2000:]}"
        raise RuntimeError(message)


@contextmanager
def opensearch(*settings: str, heap: str = HEAP) -> Iterator[SearchNode]:
    """Run the embedded OpenSearch with settings of the form ``name=value`` until the block ends."""

    def command(home: Path, port: int) -> Sequence[str]:
        module = (sys.executable, "-m", "consumers.local.search.opensearch")
        return [*module, "--home", str(home / "home"), "--port", str(port), "--heap", heap, *settings]

    with _running(command) as node:
        yield node


@contextmanager
def _running(command: Callable[[Path, int], Sequence[str]]) -> Iterator[SearchNode]:
    folder = Path(tempfile.mkdtemp())
    try:
        node = SearchNode(lambda port: command(folder, port), folder / "log")
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
