"""The meaning of the answer to a whole bulk request: a pure function of status and body."""

from collections.abc import Sequence

import msgspec

from consumers.search.items import USED, Item, ItemError, word_of
from consumers.search.server import Answer, NoAnswer
from consumers.waiting import Unavailable

_OK = 200
_BAD_REQUEST = 400
_TOO_LARGE = 413
_TOO_MANY = 429
_SERVER_ERROR = 500
_AGAIN = "none: it is tried again"
_LOOK = "look at what answers at index.url, such as a proxy"

_REMEDIES = {
    301: "index.url is redirected: give the address that it leads to",
    302: "index.url is redirected, perhaps to a login page: give the server's own address",
    401: "give valid credentials (index.auth, index.credentialFile)",
    403: "grant create_doc on the index to index.auth's user, and let the network's policy pass",
    404: "correct index.url: there is no bulk endpoint",
    406: "index.url is no OpenSearch 2 or 3, nor Elasticsearch 8 or 9",
}


class TooLarge(Exception):
    """The server takes no request of this size."""


class Refused(Exception):
    """The server could not read the request, which is a bug of this program."""


class Busy(Unavailable):
    """The server took nothing of the request now. A smaller one may pass."""


class _Line(msgspec.Struct, gc=False):
    create: Item


class _Bulk(msgspec.Struct, gc=False):
    items: list[_Line]
    errors: bool


class _Failed(msgspec.Struct):
    error: ItemError | str | None = None


_BULK = msgspec.json.Decoder(_Bulk)
_FAILED = msgspec.json.Decoder(_Failed)


def items_of(answer: Answer, sent: int, lines: Sequence[bytes] = ()) -> list[Item] | None:
    """Return the items of an answer to `sent` documents, or None if each was indexed.

    `lines` are those of the documents. An item that names another document belongs to another request.

    Raises:
        TooLarge: the request must be smaller.
        Busy: the request must be sent again later, perhaps smaller.
        NoAnswer: the answer is no bulk answer; whether anything was indexed is unknown.
        Refused: the request was wrong.
        Unavailable: the server does not accept requests, and an operator must act.
    """
    if answer.status == _OK:
        return _items(answer, sent, lines)
    what = f"bulk: HTTP {answer.status}{_type_of(answer.body)}"
    if answer.status == _TOO_LARGE:
        raise TooLarge(what)
    if answer.status == _TOO_MANY or answer.status >= _SERVER_ERROR:
        raise Busy(what, _AGAIN)
    if answer.status == _BAD_REQUEST and _type_of(answer.body):
        raise Refused(what)
    remedy = _REMEDIES.get(answer.status, "look at what answers at index.url: it is no bulk answer")
    raise Unavailable(what, remedy, operator=True)


def kind_of(answer: Answer) -> str:
    """Return one word for the answer to a whole request: the error's type, which holds no data, or the status."""
    return _type_of(answer.body).strip() or f"http_{answer.status}"


def detail_of(answer: Answer) -> str:
    """Return the server's words on a whole request, for people. They may hold a part of a document."""
    error = _error_of(answer.body)
    return f"{error.type}: {error.reason}" if error else f"HTTP {answer.status}"


def may_be_of_one(answer: Answer) -> bool:
    """Return whether one of the documents may be the cause of a refused request.

    It is not if the server names a cause that applies to all requests, or if credentials or the address are wrong. A
    status without an error type may come from a firewall that inspects documents.
    """
    if answer.status in {_OK, _TOO_MANY} or answer.status >= _SERVER_ERROR:
        return True
    return answer.status not in {301, 302, 401, 404, 407} and not _type_of(answer.body)


def _items(answer: Answer, sent: int, lines: Sequence[bytes]) -> list[Item] | None:
    try:
        bulk = _BULK.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        reason = f"bulk: HTTP 200 with {len(answer.body)} bytes that are no bulk answer"
        raise NoAnswer(reason, _LOOK, operator=True) from fault
    if len(bulk.items) != sent:
        reason = f"bulk: {len(bulk.items)} items answer {sent} documents"
        raise NoAnswer(reason, _LOOK, operator=True)
    items = [line.create for line in bulk.items]
    named = any(item.id for item in items)  # a server that returns ids returns one for each document
    if named and not all(_is_of(item, text) for item, text in zip(items, lines, strict=False)):
        reason = "bulk: the items answer other documents"
        raise NoAnswer(reason, _LOOK, operator=True)
    if bulk.errors and all(item.indexed for item in items):
        reason = "bulk: errors are said to be among the items, and there are none"
        raise NoAnswer(reason, _LOOK, operator=True)
    return None if _all_indexed(bulk, answer.body) else items


def _all_indexed(bulk: _Bulk, body: bytes) -> bool:
    """Return whether each item was indexed. The field `errors` alone is not trusted."""
    if bulk.errors or b'"error"' in body:
        return False
    return all(line.create.indexed for line in bulk.items)


def _is_of(item: Item, lines: bytes) -> bool:
    """Return whether an item names this document. A document in a failure store has an id of its own."""
    if item.failure_store == USED or (not item.id and item.status >= _TOO_MANY):
        return True  # a document that is sent again needs no id
    return bool(item.id) and lines.find(b'"_id":"%b"' % item.id.encode(), 0, lines.find(b"\n")) >= 0


def _type_of(body: bytes) -> str:
    """Return the error's type, which holds no data, with a space before it; empty if there is none."""
    error = _error_of(body)
    return f" {word_of(error.type)}" if error and error.type else ""


def _error_of(body: bytes) -> ItemError | None:
    try:
        error = _FAILED.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return error if isinstance(error, ItemError) else None
