"""What a server's answer to one document of a bulk request means: a pure function of status and error.

OpenSearch and Elasticsearch share the statuses and most names; where names differ, both stand here. Sources: the pages
"Bulk" in the API references of both, and their exceptions' `RestStatus`. The type decides before the status does: a
blocked index answers 403 or 429, and neither is what it seems.
"""

from enum import Enum

import msgspec

_TOO_MANY = 429
_CONFLICT = 409
_BAD_REQUEST = 400
_CREATED = frozenset({200, 201})
_TIMED_OUT = 408
_SERVER_ERROR = 500


class Outcome(Enum):
    """What becomes of a document."""

    INDEXED = "indexed"
    DUPLICATE = "duplicate"  # it stands already: this delivery is not the first
    REJECTED = "rejected"  # the document's own fault
    AGAIN = "again"  # the server's fault: it mends itself
    OPERATOR = "operator"  # somebody has to act, and the document waits


class ItemError(msgspec.Struct, frozen=True):
    """An error, as both families write it. `reason` may hold a piece of the document: never log it."""

    type: str = ""
    reason: str | None = None
    caused_by: "ItemError | None" = None


class Item(msgspec.Struct, frozen=True):
    """The answer to one document."""

    status: int
    error: ItemError | None = None


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
    # These come as illegal_argument_exception, as a document's own faults do.
    "maximum shards open": "raise cluster.max_shards_per_node, or delete old indices",
    "maximum normal shards open": "raise cluster.max_shards_per_node, or delete old indices",
    "documents per shard": "a shard is full: let index.name change more often, or give its indices more shards",
    "number of documents in the index cannot exceed": "a shard is full: let index.name change more often",
    "no write index": "give the alias of index.name a write index",
    "pipeline with id": "create the ingest pipeline that the index's settings name, or remove it from them",
    "only write ops with an op_type of create": "give index.name no data stream's name, or set index.dataStream",
}


def outcome_of(item: Item) -> Outcome:
    """Say what becomes of the document.

    Only a 400 is the document's own fault. What is not known is waited for: a wait can be ended, a wrong dead letter
    has already let the checkpoint pass.
    """
    error = item.error or ItemError()
    if item.status in _CREATED and item.error is None:
        return Outcome.INDEXED
    if remedy_of(error) is not None:
        return Outcome.OPERATOR
    if item.status == _CONFLICT and error.type == "version_conflict_engine_exception":
        return Outcome.DUPLICATE
    if item.status == _BAD_REQUEST:
        return Outcome.REJECTED
    if item.status in {_TOO_MANY, _TIMED_OUT, _CONFLICT} or item.status >= _SERVER_ERROR:
        return Outcome.AGAIN
    return Outcome.OPERATOR


def remedy_of(error: ItemError) -> str | None:
    """Say what an operator does about an error, or None if it is none of theirs."""
    if error.type == "illegal_argument_exception":
        reason = error.reason or ""
        return next((remedy for words, remedy in _OPERATOR_REASONS.items() if words in reason), None)
    return REMEDIES.get(error.type)
