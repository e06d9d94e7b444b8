"""What a server's word on one document means: the wrong class loses data, or blocks a shard for ever."""

import msgspec
import pytest

from consumers.search.items import Item, ItemError, Outcome, outcome_of, remedy_of

INDEXED, DUPLICATE, REJECTED = Outcome.INDEXED, Outcome.DUPLICATE, Outcome.REJECTED
AGAIN, OPERATOR = Outcome.AGAIN, Outcome.OPERATOR

TABLE = [
    # The document's own fault, by the names of both families.
    (400, "mapper_parsing_exception", "", REJECTED),
    (400, "document_parsing_exception", "", REJECTED),
    (400, "strict_dynamic_mapping_exception", "", REJECTED),
    (400, "illegal_argument_exception", "Limit of total fields [200] has been exceeded", REJECTED),
    (400, "illegal_argument_exception", "Document contains at least one immense term", REJECTED),
    (400, "something_new_exception", "", REJECTED),
    # It stands already.
    (409, "version_conflict_engine_exception", "", DUPLICATE),
    # The server's fault, which mends itself.
    (429, "rejected_execution_exception", "", AGAIN),
    (429, "es_rejected_execution_exception", "", AGAIN),
    (429, "circuit_breaking_exception", "", AGAIN),
    (503, "circuit_breaking_exception", "", AGAIN),
    (503, "unavailable_shards_exception", "", AGAIN),
    (503, "process_cluster_event_timeout_exception", "", AGAIN),
    (409, "something_new_exception", "", AGAIN),
    (408, "", "", AGAIN),
    (502, "", "", AGAIN),
    # The server fails on it: on this document perhaps each time.
    (500, "something_new_exception", "", Outcome.STUCK),
    # Somebody has to act, whatever the status says.
    (403, "cluster_block_exception", "", OPERATOR),
    (429, "cluster_block_exception", "", OPERATOR),
    (404, "index_not_found_exception", "", OPERATOR),
    (400, "index_closed_exception", "", OPERATOR),
    (401, "security_exception", "", OPERATOR),
    (403, "security_exception", "", OPERATOR),
    (400, "invalid_index_name_exception", "", OPERATOR),
    (400, "validation_exception", "this cluster currently has [1000]/[1000] maximum shards open", OPERATOR),
    (400, "illegal_argument_exception", "[1000]/[1000] maximum normal shards open", OPERATOR),
    (400, "illegal_argument_exception", "no write index is defined for alias [a]", OPERATOR),
    (400, "illegal_argument_exception", "pipeline with id [p] does not exist", OPERATOR),
    (400, "illegal_argument_exception", "exceeds the limit of [2147483519] documents per shard", OPERATOR),
    (404, "something_new_exception", "", OPERATOR),
    (302, "", "", OPERATOR),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind", "reason", "expected"), TABLE)
def test_each_error_has_its_class(status: int, kind: str, reason: str, expected: Outcome) -> None:
    """Dead letters are for the document's faults alone; what the operator or the server must mend is waited for."""
    assert outcome_of(Item(status, ItemError(kind, reason))) is expected


@pytest.mark.parametrize(
    ("item", "outcome"),
    [
        (Item(201), INDEXED),
        (Item(201, result="created"), INDEXED),
        (Item(200, result="created"), INDEXED),
        # Sent again, it is a duplicate if it stands.
        (Item(200), AGAIN),
        (Item(200, result="noop"), AGAIN),
        (Item(201, result="updated"), AGAIN),
        (Item(201, failure_store="used"), REJECTED),
        (Item(201, ItemError("something_new_exception")), OPERATOR),
        (Item(200, ItemError("something_new_exception"), result="created"), OPERATOR),
    ],
)
def test_success_is_what_create_answers(item: Item, outcome: Outcome) -> None:
    """An answer that contradicts itself, or is not of `create`, makes nobody checkpoint."""
    assert outcome_of(item) is outcome


def test_the_operator_is_told_what_to_do() -> None:
    """A known error of theirs comes with its remedy, and an error of the document with none."""
    assert "max_shards_per_node" in (remedy_of(ItemError("validation_exception")) or "")
    assert remedy_of(ItemError("illegal_argument_exception", "no write index is defined")) is not None
    assert remedy_of(ItemError("mapper_parsing_exception", "no write index")) is None
    assert remedy_of(ItemError("illegal_argument_exception")) is None


def test_errors_are_read_as_both_families_write_them() -> None:
    """Fields that nobody asked for, and causes of causes, do no harm."""
    line = b'{"status":400,"_x":1,"error":{"type":"a","reason":null,"caused_by":{"type":"b","caused_by":{"type":"c"}}}}'
    error = msgspec.json.decode(line, type=Item).error
    assert error == ItemError("a", None, ItemError("b", None, ItemError("c")))
