"""Checks whether a server that does not take one document takes others, with a request that changes nothing."""

from collections.abc import Iterable

from consumers.search.answers import Refused, TooLarge, items_of
from consumers.search.batch import Entry
from consumers.search.items import Outcome, outcome_of
from consumers.search.server import SearchServer
from consumers.waiting import Unavailable

_STANDS = frozenset({Outcome.INDEXED, Outcome.DUPLICATE})
_NO_DOCUMENT = b"{\n"
_BAD_REQUEST = 400


def witness_of(documents: Iterable[Entry], before: bytes) -> bytes:
    """Return the lines of the smallest document that exists in the index already, or `before` if there is none."""
    return min((entry.lines for entry in documents if entry.outcome in _STANDS), key=len, default=before)


def no_document(stuck: Entry) -> bytes:
    """Return the document's action line with invalid JSON as its source: the server refuses it at the last step."""
    return stuck.lines[: stuck.lines.index(b"\n") + 1] + _NO_DOCUMENT


def takes(server: SearchServer, path: str, witness: bytes) -> bool:
    """Send these lines alone, and return whether the server has decided on them."""
    try:
        answer = server.ask("POST", path, witness, content_type="application/x-ndjson")
        items = items_of(answer, 1, [witness])
    except (Unavailable, TooLarge, Refused):
        return False
    if items is None:
        return True
    refused = witness.endswith(b"\n" + _NO_DOCUMENT) and items[0].status == _BAD_REQUEST
    return refused or outcome_of(items[0]) in _STANDS
