"""What the answer to a whole bulk request means: a pure function of status and body."""

import msgspec

from consumers.search.items import CREATED, Item, ItemError, word_of
from consumers.search.server import Answer, NoAnswer
from consumers.waiting import Unavailable

_OK = 200
_BAD_REQUEST = 400
_TOO_LARGE = 413
_TOO_MANY = 429
_SERVER_ERROR = 500
_AGAIN = "none: it is tried again"

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
    """The server could not read a request that we made: a bug of ours."""


class Busy(Unavailable):
    """The server took nothing of the request now; a smaller one may pass."""


class _Line(msgspec.Struct, gc=False):
    create: Item


class _Bulk(msgspec.Struct, gc=False):
    items: list[_Line]
    errors: bool


class _Failed(msgspec.Struct):
    error: ItemError | str | None = None


_BULK = msgspec.json.Decoder(_Bulk)
_FAILED = msgspec.json.Decoder(_Failed)


def items_of(answer: Answer, sent: int) -> list[Item] | None:
    """Read the items of an answer to `sent` documents; None if each was indexed, and nothing is left to look at.

    Raises:
        TooLarge: send less at once.
        Busy: send it again later, perhaps less at once.
        NoAnswer: what answered is no bulk answer; whether anything was indexed is unknown.
        Refused: our request was wrong.
        Unavailable: the server does not accept, and somebody has to act.

    """
    if answer.status == _OK:
        return _items(answer, sent)
    what = f"bulk: HTTP {answer.status}{_type_of(answer.body)}"
    if answer.status == _TOO_LARGE:
        raise TooLarge(what)
    if answer.status == _TOO_MANY or answer.status >= _SERVER_ERROR:
        raise Busy(what, _AGAIN)
    if answer.status == _BAD_REQUEST and _type_of(answer.body):
        raise Refused(what)
    remedy = _REMEDIES.get(answer.status, "look at what answers at index.url: it is no bulk answer")
    raise Unavailable(what, remedy, operator=True)


def _items(answer: Answer, sent: int) -> list[Item] | None:
    try:
        bulk = _BULK.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        reason = f"bulk: HTTP 200 with {len(answer.body)} bytes that are no bulk answer"
        raise NoAnswer(reason, "look at what answers at index.url, such as a proxy", operator=True) from fault
    if len(bulk.items) != sent:
        reason = f"bulk: {len(bulk.items)} items answer {sent} documents"
        raise NoAnswer(reason, "look at what answers at index.url, such as a proxy", operator=True)
    return None if _all_indexed(bulk, answer.body) else [line.create for line in bulk.items]


def _all_indexed(bulk: _Bulk, body: bytes) -> bool:
    """Look at each item: `errors` alone is not believed."""
    if bulk.errors or b'"error"' in body or b'"failure_store"' in body:
        return False
    return {line.create.status for line in bulk.items} <= CREATED


def _type_of(body: bytes) -> str:
    """Name the error's type, which holds no data."""
    try:
        error = _FAILED.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return f" {word_of(error.type)}" if isinstance(error, ItemError) and error.type else ""
