"""The meaning of the answer to one document of a bulk request: a pure function of status and error.

OpenSearch and Elasticsearch share the statuses and most names; where names differ, both are listed. Sources: the pages
"Bulk" in the API references of both, and their exceptions' `RestStatus`. The type decides before the status does: a
blocked index answers 403 or 429, which usually mean something else.
"""

import re
from enum import Enum

import msgspec

_CREATED = 201
USED = "used"
"""Value of `failure_store` for a document that a data stream stored in its failure store."""
CREATED = frozenset({200, _CREATED})
_CONFLICT = 409
_SERVER_ERROR = 500
_WORD = re.compile(r"[a-z][a-z0-9_]{0,99}")


class Outcome(Enum):
    """The outcome of a document."""

    INDEXED = "indexed"
    DUPLICATE = "duplicate"  # it exists already: this delivery is not the first
    REJECTED = "rejected"  # the document's own fault
    AGAIN = "again"  # the server's fault: it passes by itself
    STUCK = "stuck"  # the server fails on it: only a person can tell whose fault it is
    OPERATOR = "operator"  # an operator has to act, and the document waits


class ItemError(msgspec.Struct, frozen=True, gc=False):
    """An error in the form of both servers. `reason` may hold a part of the document: never log it."""

    type: str = ""
    reason: str | None = None
    caused_by: "ItemError | None" = None


def word_of(kind: str) -> str:
    """Return an error's type as a word to log and count by, or `unknown_error` if it does not look like a type."""
    return kind if _WORD.fullmatch(kind) else "unknown_error"


class Item(msgspec.Struct, frozen=True, gc=False, rename={"id": "_id"}):  # an answer has thousands
    """The answer to one document of a bulk request.

    `result` is "created" if the document did not exist, which a status of 200 does not tell. `failure_store` is "used"
    if a data stream of Elasticsearch could not index the document and stored it in its failure store, under another id
    and with a status of 201 ("Failure store" in its documentation).
    """

    status: int
    error: ItemError | None = None
    failure_store: str = ""
    id: str = ""
    result: str = ""

    @property
    def indexed(self) -> bool:
        """Whether the document exists now, and did not before."""
        if self.status not in CREATED or self.error is not None or self.failure_store == USED:
            return False
        return self.result == "created" or (not self.result and self.status == _CREATED)

    @property
    def kind(self) -> str:
        """The error's type, which holds no data, or the status."""
        if self.failure_store:
            return f"failure_store_{self.failure_store}"
        return word_of(self.error.type) if self.error and self.error.type else f"http_{self.status}"

    @property
    def said(self) -> str:
        """The error and its causes, for people. They may hold a part of the document."""
        causes, cause = [], self.error
        while cause is not None:
            causes.append(f"{cause.type}: {cause.reason}")
            cause = cause.caused_by
        return "; ".join(causes)


REMEDIES = {
    "cluster_block_exception": "free disk space, or remove the index's block (index.blocks.*), on the search server",
    "index_not_found_exception": "create the index, or allow the server to (action.auto_create_index)",
    "index_closed_exception": "open the index",
    "security_exception": "grant create_doc (and auto_configure or create_index) on the index to index.auth's user",
    "authorization_exception": "grant create_doc on the index to index.auth's user",
    "invalid_index_name_exception": "correct index.name",
    "validation_exception": "raise cluster.max_shards_per_node, or delete old indices",
    "illegal_state_exception": "look at the search server's log",
}
_OPERATOR_REASONS = {
    # These come as illegal_argument_exception, as faults of a document do.
    "maximum shards open": "raise cluster.max_shards_per_node, or delete old indices",
    "maximum normal shards open": "raise cluster.max_shards_per_node, or delete old indices",
    "documents per shard": "a shard is full: let index.name change more often, or give its indices more shards",
    "number of documents in the index cannot exceed": "a shard is full: let index.name change more often",
    "no write index": "give the alias of index.name a write index",
    "pipeline with id": "create the ingest pipeline that the index's settings name, or remove it from them",
    "only write ops with an op_type of create": "give index.name no data stream's name, or set index.dataStream",
}


_BY_STATUS = {
    400: Outcome.REJECTED,
    408: Outcome.AGAIN,
    _CONFLICT: Outcome.AGAIN,
    429: Outcome.AGAIN,
    _SERVER_ERROR: Outcome.STUCK,
}


def outcome_of(item: Item) -> Outcome:
    """Return the outcome of the document.

    Only a 400 is the document's own fault. An unknown answer is waited out: a wait can be ended, but after a wrong dead
    letter the checkpoint has already moved on.
    """
    error = item.error or ItemError()
    if item.status in CREATED and item.error is None:
        if item.failure_store == USED:
            return Outcome.REJECTED
        return Outcome.INDEXED if item.indexed else Outcome.AGAIN  # if it exists, the next try finds a duplicate
    if remedy_of(error) is not None:
        return Outcome.OPERATOR
    if item.status == _CONFLICT and error.type == "version_conflict_engine_exception":
        return Outcome.DUPLICATE
    return _BY_STATUS.get(item.status, Outcome.AGAIN if item.status > _SERVER_ERROR else Outcome.OPERATOR)


def remedy_of(error: ItemError) -> str | None:
    """Return what an operator does about an error, or None if it needs no operator."""
    if error.type == "illegal_argument_exception":
        reason = error.reason or ""
        return next((remedy for words, remedy in _OPERATOR_REASONS.items() if words in reason), None)
    return REMEDIES.get(error.type)
