"""Sends documents to the server, as many at once as it takes, until the fate of each is known.

Any request may be sent again: a document's id is a pure function of its position, and `create` refuses a second one.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from isal import igzip

from consumers.documents.document import Rejected
from consumers.search.answers import Busy, TooLarge, items_of
from consumers.search.batch import Entry, IndexBatch
from consumers.search.items import Item, Outcome, outcome_of, remedy_of
from consumers.search.server import NoAnswer, SearchServer
from consumers.waiting import Unavailable

# Only what is looked at: it makes the answer a quarter as long.
PATH = "/_bulk?filter_path=errors,items.*.status,items.*.error,items.*.failure_store"
_GZIP_LEVEL = 1
_LEAST_BYTES = 1 << 12
_SECONDS = 10.0
_TOO_LARGE = Rejected("too_large", "the search server takes no request with this document alone")

Answered = tuple[Entry, Item]


class Stuck(Unavailable):
    """The server fails on each of these documents, and took what else was sent with them."""

    def __init__(self, reason: str, answered: Sequence[Answered]) -> None:
        """Keep them, for whoever may decide."""
        remedy = (
            "look at the search server's log; if it is the documents: "
            "kinesis-fleet dead-letters let-through --stuck --for 10m FILE"
        )
        super().__init__(reason, remedy, operator=True)
        self._answered = answered

    def reject(self) -> None:
        """Take their failing for their own fault."""
        for entry, item in self._answered:
            entry.reject(Rejected(item.kind, item.said))


class Bulk:
    """One shard's requests.

    A request that was too large is halved, and none is that large again. A document alone is too large only if it is
    larger than every request that was taken. A request that got no answer, or found the server busy, is halved too, and
    grows back as requests succeed.
    """

    def __init__(self, server: SearchServer, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Send to this server, `max_bytes` before compression at once. `clock` gives monotonic seconds."""
        self._server = server
        self._clock = clock
        self._most_bytes = self._now_bytes = max_bytes
        self._taken_bytes = self._taken_wire = 0  # limits are on the one or the other

    def send(self, batch: IndexBatch) -> None:
        """Send what is pending until nothing is.

        Raises:
            Unavailable: what is pending still has to be sent again.

        """
        progressed = False
        until = self._clock() + _SECONDS
        while batch.pending:
            if self._clock() > until:  # whoever waits has a deadline, and looks at it between two calls
                reason = f"bulk: {len(batch.pending)} documents are still to be sent"
                raise Unavailable(reason, "none: they are sent", progressed=True)
            sent = _fitting(batch.pending, self._now_bytes)
            try:
                again = self._request(sent)
            except Unavailable as fault:
                fault.progressed = progressed
                raise
            batch.forget_settled()
            progressed = progressed or len(again) < len(sent)
            if again:
                unavailable = _unavailable(again, len(sent))
                unavailable.progressed = progressed
                raise unavailable

    def _request(self, entries: Sequence[Entry]) -> list[Answered]:
        """Send one request, take note of each fate that is final, and give what is not."""
        body = b"".join([entry.lines for entry in entries])
        wire = igzip.compress(body, _GZIP_LEVEL)
        try:
            answer = self._server.ask("POST", PATH, wire, content_type="application/x-ndjson", encoding="gzip")
            items = items_of(answer, len(entries))
        except TooLarge as fault:
            if len(entries) > 1:
                self._most_bytes = self._now_bytes = len(body) // 2
                return []
            if len(body) <= max(self._taken_bytes, _LEAST_BYTES) and len(wire) <= max(self._taken_wire, _LEAST_BYTES):
                reason = f"bulk: HTTP 413 for a document of {len(body)} bytes, and larger requests were taken"
                raise Unavailable(reason, "look at what stands before index.url", operator=True) from fault
            entries[0].reject(_TOO_LARGE)
            return []
        except (Busy, NoAnswer):
            self._now_bytes = min(max(len(body) // 2, _LEAST_BYTES), self._most_bytes)
            raise
        self._taken_bytes = max(self._taken_bytes, len(body))
        self._taken_wire = max(self._taken_wire, len(wire))
        self._now_bytes = min(self._now_bytes + self._now_bytes // 8, self._most_bytes)
        if items is None:
            for entry in entries:
                entry.outcome = Outcome.INDEXED
            return []
        return [(entry, item) for entry, item in zip(entries, items, strict=True) if not _final(entry, item)]


def _final(entry: Entry, item: Item) -> bool:
    outcome = outcome_of(item)
    if outcome is Outcome.REJECTED:
        entry.reject(Rejected(item.kind, item.said))
    elif outcome in {Outcome.INDEXED, Outcome.DUPLICATE}:
        entry.outcome = outcome
    return entry.outcome is not None


def _fitting(entries: Sequence[Entry], most_bytes: int) -> Sequence[Entry]:
    """Give as many as fit, and one at least."""
    size = 0
    for count, entry in enumerate(entries):
        size += len(entry.lines)
        if size > most_bytes and count:
            return entries[:count]
    return entries


def _unavailable(again: Sequence[Answered], sent: int) -> Unavailable:
    """Say why documents have to be sent again: what needs an operator first."""
    outcomes = [outcome_of(item) for _, item in again]
    kinds = ", ".join(f"{kind} {count}" for kind, count in Counter(item.kind for _, item in again).most_common(3))
    reason = f"bulk: {len(again)} of {sent} documents not taken ({kinds})"
    if Outcome.OPERATOR in outcomes:
        error = again[outcomes.index(Outcome.OPERATOR)][1].error
        remedy = remedy_of(error) if error else None
        return Unavailable(reason, remedy or "look the error up in the search server's documentation", operator=True)
    if Outcome.AGAIN in outcomes:
        return Unavailable(reason, "none: they are sent again")
    return Stuck(f"{reason}, the first of them {again[0][0].record.position}", again)
