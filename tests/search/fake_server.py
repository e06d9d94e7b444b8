"""A search server in memory: documents are created once, and it fails as it is told to.

It passes the same contract as a real one (test_bulk_contract.py), as far as the consumer goes: `_bulk` with `create`,
an index made by hand or by its first document, a mapping of numbers, a block, and a look at one document.
"""

import gzip
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from consumers.search.server import Answer, NoAnswer
from consumers.waiting import Unavailable

Fault = Literal["unreached", "unsent", "lost", "short", "html", "page", "errors_lie", "400", "401", "413", "429", "503"]
"""`unsent`: no answer, and nothing was done. `lost`: all was done. `short`: an item is missing from the answer.

`page`: 403 with a page, as of a firewall that reads what goes by.
"""

_HTML = b"<html><body>secret-canary</body></html>"


@dataclass
class Index:
    """An index: the fields that must be numbers, whether a write is refused, and the documents by id."""

    numbers: frozenset[str] = frozenset()
    blocked: bool = False
    documents: dict[str, bytes] = field(default_factory=dict)


@dataclass
class FakeServer:
    """A cluster of one. `faults` befall the next bulk requests, one each; None lets one pass.

    `trips` says what befalls each request with this document in it.
    """

    indices: dict[str, Index] = field(default_factory=dict)
    numbers: frozenset[str] = frozenset()
    creates_indices: bool = True
    most_bytes: int | None = None
    busy: Callable[[str], bool] = lambda _id: False
    faults: deque[Fault | None] = field(default_factory=deque)
    trips: Callable[[bytes], Fault | None] = lambda _source: None
    takes_times: Callable[[bytes], int] = lambda _source: 0
    requests: list[list[str]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def ask(  # noqa: C901, PLR0913 - each way to fail
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str = "application/json",
        encoding: str = "",
        times: int = 1,
    ) -> Answer:
        """Answer, or fail as told."""
        path, _, query = path.partition("?")
        if path != "/_bulk":
            return self._other(method, path, body)
        text = gzip.decompress(body) if encoding == "gzip" else body
        fault = self.faults.popleft() if self.faults else None
        actions = _actions(text)
        self.requests.append([action["_id"] for action, _ in actions or ()])
        self.sizes.append(len(text))
        fault = next(filter(None, (self.trips(source) for _, source in actions or ())), fault)
        if sum(self.takes_times(source) for _, source in actions or ()) > times:
            fault = "unsent"
        if fault == "unreached":
            raise Unavailable("no connection")
        if fault == "unsent":
            raise NoAnswer("timed out")
        if fault and (fault == "page" or fault.isdigit()):
            return _refused(fault)
        if self.most_bytes is not None and len(text) > self.most_bytes:
            return Answer(413, b"", "")
        if actions is None:
            return _said(400, _error("illegal_argument_exception", "must be terminated by a newline", 400))
        items = [{"create": {**action, **self._create(action, source)}} for action, source in actions]
        errors = any("error" in item["create"] for item in items) and fault != "errors_lie"
        if fault == "lost":
            raise NoAnswer("timed out")
        if fault == "html":
            return Answer(200, _HTML, "text/html")
        if fault == "short":
            items = items[1:]
        return _said(200, _filtered({"took": 1, "errors": errors, "items": items}, query))

    def ids(self) -> list[str]:
        """Give the ids of all documents; one that stands in two indices comes twice."""
        return [one for index in self.indices.values() for one in index.documents]

    def _create(self, action: dict[str, str], source: bytes) -> dict[str, Any]:
        index = self.indices.get(action["_index"])
        if index is None:
            if not self.creates_indices:
                return _error("index_not_found_exception", "no such index", 404)
            index = self.indices[action["_index"]] = Index(self.numbers)
        if self.busy(action["_id"]):
            return _error("es_rejected_execution_exception", "rejected execution of coordinating operation", 429)
        if index.blocked:
            return _error("cluster_block_exception", "index blocked by: [FORBIDDEN/8/index write (api)]", 403)
        if refused := _refusal(index.numbers, source):
            return refused
        if action["_id"] in index.documents:
            return _error("version_conflict_engine_exception", "document already exists", 409)
        index.documents[action["_id"]] = source
        return {"result": "created", "status": 201}

    def _other(self, method: str, path: str, body: bytes) -> Answer:
        name, _, rest = path.strip("/").partition("/")
        if method == "PUT" and not rest:
            types = json.loads(body)["mappings"]["properties"]
            self.indices[name] = Index(frozenset(key for key, one in types.items() if one["type"] == "long"))
        elif method == "PUT" and rest == "_settings":
            self.indices[name].blocked = json.loads(body)["index.blocks.write"]
        elif method == "GET" and rest.startswith("_doc/"):
            found = self.indices[name].documents.get(rest.removeprefix("_doc/"))
            return _said(200, {"_source": json.loads(found)}) if found else _said(404, {"found": False})
        return _said(200, {"acknowledged": True})


def _actions(text: bytes) -> list[tuple[dict[str, str], bytes]] | None:
    """Read a request; None if it is none."""
    lines = text.split(b"\n")
    if lines.pop() or len(lines) % 2:
        return None
    try:
        return [(json.loads(lines[at])["create"], lines[at + 1]) for at in range(0, len(lines), 2)]
    except (ValueError, KeyError, TypeError):
        return None


def _refusal(numbers: frozenset[str], source: bytes) -> dict[str, Any] | None:
    """Say why a mapping refuses a document, or None."""
    try:
        fields = json.loads(source)
    except ValueError:
        return _error("mapper_parsing_exception", "failed to parse", 400)
    for name in numbers & fields.keys():
        if not isinstance(fields[name], (int, float)):
            caused = {"type": "illegal_argument_exception", "reason": f'For input string: "{fields[name]}"'}
            return _error("mapper_parsing_exception", f"failed to parse field [{name}]", 400, caused_by=caused)
    return None


def _error(kind: str, reason: str, status: int, **more: object) -> dict[str, Any]:
    return {"error": {"type": kind, "reason": reason, **more}, "status": status}


def _filtered(answer: dict[str, Any], query: str) -> dict[str, Any]:
    if "filter_path=errors,items.*.status,items.*.error" not in query:
        return answer
    kept = {"status", "error"} | ({"_id"} if "items.*._id" in query else set())
    items = [{"create": {k: v for k, v in item["create"].items() if k in kept}} for item in answer["items"]]
    return {"errors": answer["errors"], **({"items": items} if items else {})}


def _refused(fault: str) -> Answer:
    if fault == "page":
        return Answer(403, _HTML, "text/html")
    return _said(int(fault), {} if fault == "413" else _error("http_exception", "told to", int(fault)))


def _said(status: int, body: dict[str, Any]) -> Answer:
    return Answer(status, json.dumps(body).encode(), "application/json")
