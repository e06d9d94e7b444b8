"""Where the CPU of indexing a document goes, stage by stage; each figure is the least of many rounds."""

import json
import time
from collections.abc import Callable, Iterator

from isal import igzip

from consumers.documents.decode import Limits, decode
from consumers.search.answers import items_of
from consumers.search.batcher import gathered
from consumers.search.server import Answer
from tests.bench.feeders import judge_of, records_of

RECORDS = 6_500  # about what a request of 5 MiB holds
ROUNDS = 15
_US = 1e6


def stages() -> Iterator[tuple[str, float]]:
    """Give each stage's name and its microseconds a document, in the order of the flow."""
    records = records_of(RECORDS)
    payloads, limits = [record.payload for record in records], Limits()
    judge = judge_of("bench-events-stages", "shardId-000000000000").judge
    entries = gathered(records, judge).documents
    item = {"create": {"status": 201}}
    answer = Answer(200, json.dumps({"errors": False, "items": [item] * RECORDS}).encode(), "application/json")

    # Loops, as what a list holds on to would be collected again and again.
    def decode_all() -> None:
        for payload in payloads:
            decode(payload, limits)

    def judge_all() -> None:
        for record in records:
            judge(record)

    decoding, judging = _least_us(decode_all), _least_us(judge_all)
    gathering = _least_us(lambda: gathered(records, judge))
    yield "decode and validate", decoding
    yield "splice", judging - decoding
    yield "gather", gathering - judging
    yield "join and gzip", _least_us(lambda: igzip.compress(b"".join([entry.lines for entry in entries]), 1))
    yield "read the answer", _least_us(lambda: items_of(answer, RECORDS))


def _least_us(call: Callable[[], object]) -> float:
    least_s = float("inf")
    for _ in range(ROUNDS):
        begun_s = time.process_time()
        call()
        least_s = min(least_s, time.process_time() - begun_s)
    return least_s * _US / RECORDS
