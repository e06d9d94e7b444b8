"""Reads all documents of a search server, and runs a search such as a person would."""

import urllib.request
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import field

from consumers.local.sink import Figures

_PAGE = 2_000
_TIMEOUT_S = 60
_KEEP_OPEN = "1m"
_MOST_TYPES, _MOST_SESSIONS = 30, 5
# Without the environment's proxy, since the server is on loopback.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
_QUESTION = {
    "size": 0,
    "track_total_hits": True,
    "aggs": {
        "types": {"terms": {"field": "event", "size": _MOST_TYPES}},
        "stalls": {
            "filter": {"term": {"event": "buffering"}},
            "aggs": {"sessions": {"terms": {"field": "sessionId", "size": _MOST_SESSIONS}}},
        },
    },
}


class Hit(msgspec.Struct, frozen=True):
    """A document."""

    index: str = field(name="_index")
    identity: str = field(name="_id")
    source: dict[str, Any] = field(name="_source")


class _Hits(msgspec.Struct, frozen=True):
    hits: list[Hit]


class _Page(msgspec.Struct, frozen=True):
    hits: _Hits
    scroll: str = field(name="_scroll_id", default="")


class Searched(msgspec.Struct, frozen=True, rename="camel"):
    """The result of one search: events by type, most frequent first, and the sessions that buffered most."""

    took_ms: int
    events: dict[str, int]
    most_buffering: dict[str, int]

    def figures(self) -> Iterator[Figures]:
        """Return the tables for people."""
        took = f"one search of {self.took_ms} ms"
        yield Figures(f"events by type ({took})", [(name, f"{count:,}") for name, count in self.events.items()])
        sessions = [(name, f"{count:,} times") for name, count in self.most_buffering.items()]
        if sessions:
            yield Figures("sessions that buffered most (the same search)", sessions)


class SearchServer(NamedTuple):
    """A search server on loopback, without credentials."""

    endpoint: str

    def refresh(self) -> None:
        """Make all indexed documents visible to searches."""
        self._ask("POST", "/_refresh")

    def documents(self) -> Iterator[list[Hit]]:
        """Yield all documents of all indices, one page at a time."""
        path, body = f"/*/_search?scroll={_KEEP_OPEN}", {"size": _PAGE, "sort": ["_doc"]}
        page = msgspec.json.decode(self._ask("POST", path, body), type=_Page)
        while page.hits.hits:
            yield page.hits.hits
            more = {"scroll": _KEEP_OPEN, "scroll_id": page.scroll}
            page = msgspec.json.decode(self._ask("POST", "/_search/scroll", more), type=_Page)

    def search(self) -> Searched:
        """Count events by type, and sessions by stalls."""
        found = msgspec.json.decode(self._ask("POST", "/*/_search", _QUESTION))
        by_type, stalls = found["aggregations"]["types"], found["aggregations"]["stalls"]["sessions"]
        return Searched(found["took"], _counts(by_type), _counts(stalls))

    def _ask(self, method: str, path: str, body: object = None) -> bytes:
        """Send a request and return the body. Raises OSError if the server does not answer, or refuses."""
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.endpoint + path, data, headers, method=method)  # noqa: S310 - our own server
        with _open(request, timeout=_TIMEOUT_S) as answer:
            read: bytes = answer.read()
            return read


def _counts(terms: dict[str, Any]) -> dict[str, int]:
    return {bucket["key"]: bucket["doc_count"] for bucket in terms["buckets"]}
