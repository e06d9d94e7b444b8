"""Sends documents in bulk requests, as large as the server takes, until the outcome of each is known.

Any request may be repeated: a document's id is a pure function of its position, and `create` refuses a second one.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from isal import igzip

from consumers.documents.document import Rejected
from consumers.search.answers import Busy, Refused, TooLarge, detail_of, items_of, kind_of, may_be_of_one
from consumers.search.batch import Entry, IndexBatch
from consumers.search.doubts import Doubt, Doubts, Word
from consumers.search.items import Item, Outcome, outcome_of, remedy_of
from consumers.search.server import Answer, NoAnswer, SearchServer
from consumers.search.witness import no_document, takes, witness_of
from consumers.waiting import Unavailable

# Only the fields that are read: the answer is a third as long.
PATH = "/_bulk?filter_path=errors,items.*.status,items.*.error,items.*.failure_store,items.*._id"
TRIES_ALONE = 8
"""Times that a document is sent alone before it is reported: with the pauses between them, at least 30 s."""

MOST_TIMES = 6
"""Greatest factor on a request's time limit, after a document alone had no answer in time."""

_GZIP_LEVEL = 1
_LEAST_BYTES = 1 << 12
_SECONDS = 10.0
_NO_ANSWER = "no_answer"
_MOST_NAMED = 3
_MOST_NONE_TAKEN = 5  # successive answers that accept no document, before less is sent
_TOO_LARGE = Rejected("too_large", "the search server takes no request with this document alone")

Answered = tuple[Entry, Item]


class Stuck(Unavailable):
    """The server fails on each of these documents, and takes others."""

    def __init__(self, reason: str, documents: Sequence[tuple[Entry, Rejected]]) -> None:
        """Keep the documents, so that `reject` can reject them."""
        remedy = (
            "look at the search server's log, and at what stands before it; if it is the documents: "
            "kinesis-fleet dead-letters let-through --stuck --for 10m FILE"
        )
        super().__init__(reason, remedy, operator=True)
        self._documents = documents

    def reject(self) -> None:
        """Reject the documents: treat the failure as their own fault."""
        for entry, rejected in self._documents:
            entry.reject(rejected)


class Bulk:
    """The requests of one shard.

    After a request that was too large (413), the limit is half its size, and stays there. A single document is too
    large only if it is larger than every request that was taken.

    A request that had no answer, or was refused as a whole, is halved too, down to one document. The size grows again
    as requests succeed. If a single document has no answer in time, requests get more time, until requests with several
    documents are answered.

    A document that fails alone waits until the others are sent. It is stuck once it has failed `tries_alone` times and
    the server has taken another document.
    """

    def __init__(
        self,
        server: SearchServer,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
        tries_alone: int = TRIES_ALONE,
    ) -> None:
        """Send to this server, at most `max_bytes` before compression at once. `clock` returns monotonic seconds."""
        self._server = server
        self._clock = clock
        self._tries_alone = tries_alone
        self._most_bytes = self._now_bytes = max_bytes
        self._taken_bytes = self._taken_wire = 0  # a limit may apply to either
        self._doubts = Doubts()
        self._witness = b""
        self._none_taken = 0
        self._times = 1

    def send(self, batch: IndexBatch) -> None:
        """Send the pending documents until none is left.

        Raises:
            Unavailable: the pending documents must be sent again.
            Refused: the server cannot read a document, and has taken none.
        """
        progressed = False
        until = self._clock() + _SECONDS
        self._doubts.begin(batch.pending)
        while batch.pending:
            if self._clock() > until:  # the caller checks its deadline between two calls
                reason = f"bulk: {len(batch.pending)} documents are still to be sent"
                raise Unavailable(reason, "none: they are sent", progressed=True)
            sent = self._doubts.next(batch.pending, self._now_bytes)
            try:
                again = self._request(sent)
            except Refused as fault:
                stuck = self._stuck(batch, probe=False)
                if not stuck and not self._doubts.none and not self._doubts.known(batch.pending, self._tries_alone):
                    continue  # send the others
                if not stuck and not witness_of(batch.documents, self._witness):
                    raise
                raise stuck or Busy(str(fault), "none: it is tried again") from fault
            except Unavailable as fault:
                stuck = self._stuck(batch)
                (stuck or fault).progressed = progressed
                raise stuck or fault from fault
            batch.forget_settled()
            taken = [entry for entry in sent if entry.outcome is not None]
            if taken:
                self._doubts.taken(taken)
                progressed = True
            if again:
                unavailable = self._stuck(batch) or _unavailable(again, len(sent))
                unavailable.progressed = progressed
                raise unavailable

    def _request(self, entries: Sequence[Entry]) -> list[Answered]:
        """Send one request, record each final outcome, and return the other documents."""
        body = b"".join([entry.lines for entry in entries])
        wire = igzip.compress(body, _GZIP_LEVEL)
        answer = self._answer_to(entries, len(body), wire)
        try:
            items = items_of(answer, len(entries), [entry.lines for entry in entries])
        except TooLarge as fault:
            self._too_large(entries, len(body), len(wire), fault)
            return []
        except Refused as fault:
            word = Word(kind_of(answer), _said(str(fault)), detail_of(answer))
            self._not_taken(entries, len(body), word, self._tries_alone)
            if len(entries) > 1:
                return []
            raise
        except Unavailable as fault:
            if isinstance(fault, (Busy, NoAnswer)) or may_be_of_one(answer):
                self._not_taken(entries, len(body), Word(kind_of(answer), _said(fault.reason), detail_of(answer)))
            raise
        self._taken_bytes = max(self._taken_bytes, len(body))
        self._taken_wire = max(self._taken_wire, len(wire))
        self._now_bytes = min(self._now_bytes + max(self._now_bytes // 8, _LEAST_BYTES), self._most_bytes)
        if items is None:
            for entry in entries:
                entry.outcome = Outcome.INDEXED
            self._witness = entries[0].lines
            return []
        return self._judge(entries, items)

    def _answer_to(self, entries: Sequence[Entry], size: int, wire: bytes) -> Answer:
        """Send the compressed documents, and adapt the time limit of the next requests."""
        try:
            answer = self._server.ask(
                "POST", PATH, wire, content_type="application/x-ndjson", encoding="gzip", times=self._times
            )
        except NoAnswer as fault:
            if len(entries) == 1:  # the request cannot be smaller
                self._times = min(2 * self._times, MOST_TIMES)
            self._not_taken(entries, size, Word(_NO_ANSWER, fault.reason, fault.reason))
            raise
        if len(entries) > 1:
            self._times = max(self._times // 2, 1)
        return answer

    def _judge(self, entries: Sequence[Entry], items: Sequence[Item]) -> list[Answered]:
        """Record each final outcome, and return the documents that must be sent again."""
        left = [(entry, item) for entry, item in zip(entries, items, strict=True) if not _final(entry, item)]
        again = [(entry, item) for entry, item in left if outcome_of(item) is Outcome.AGAIN]
        self._none_taken = self._none_taken + 1 if len(again) == len(entries) else 0
        if len(again) == len(entries) > 1:
            if self._none_taken > _MOST_NONE_TAKEN:  # the request may be too much at once
                self._send_less(sum(len(entry.lines) for entry in entries))
            return left
        for entry, item in again:
            word = Word(item.kind, item.kind, item.said)
            if len(entries) == 1:
                self._doubts.alone(entry, word)
            else:
                self._doubts.among(entry, word)
        return left

    def _not_taken(self, entries: Sequence[Entry], size: int, word: Word, times: int = 1) -> None:
        """Send less at once, or record the doubt if the request had one document."""
        if len(entries) > 1:
            self._send_less(size)
        else:
            self._doubts.alone(entries[0], word, times)

    def _send_less(self, size: int) -> None:
        """Halve the requests: down to _LEAST_BYTES, which any server takes, and only then to single documents."""
        least = 1 if self._now_bytes <= _LEAST_BYTES else _LEAST_BYTES
        self._now_bytes = min(max(size // 2, least), self._most_bytes)

    def _too_large(self, entries: Sequence[Entry], size: int, wire_size: int, fault: TooLarge) -> None:
        """Lower the limit of requests, or reject the document if the request had one.

        Raises:
            Unavailable: the document is no larger than requests that were taken.
        """
        if len(entries) > 1:
            self._most_bytes = self._now_bytes = size // 2
            return
        if size <= max(self._taken_bytes, _LEAST_BYTES) and wire_size <= max(self._taken_wire, _LEAST_BYTES):
            reason = f"bulk: HTTP 413 for a document of {size} bytes, and larger requests were taken"
            raise Unavailable(reason, "look at what stands before index.url", operator=True) from fault
        entries[0].reject(_TOO_LARGE)

    def _stuck(self, batch: IndexBatch, *, probe: bool = True) -> Stuck | None:
        """Return the documents that the server does not take, if no others are pending and it takes other documents."""
        doubts = self._doubts
        known = doubts.known(batch.pending, self._tries_alone)
        if not known and not doubts.many:
            return None
        witness = witness_of(batch.documents, self._witness) or (no_document(batch.pending[0]) if probe else b"")
        if not witness or not takes(self._server, PATH, witness):
            if doubts.many:
                doubts.forget()
            return None
        doubts.keep()
        if not known:
            return None
        named = ", ".join(_named(doubt) for doubt in known[:_MOST_NAMED])
        reason = f"bulk: {len(known)} documents not taken, each of them alone, while others are: {named}"
        return Stuck(reason, [(doubt.entry, Rejected(doubt.word.kind, doubt.word.detail)) for doubt in known])


def _said(reason: str) -> str:
    return reason.removeprefix("bulk: ")


def _named(doubt: Doubt) -> str:
    entry = doubt.entry
    return f"{entry.record.position} of {len(entry.lines)} bytes ({doubt.word.said})"


def _final(entry: Entry, item: Item) -> bool:
    outcome = outcome_of(item)
    if outcome is Outcome.REJECTED:
        entry.reject(Rejected(item.kind, item.said))
    elif outcome in {Outcome.INDEXED, Outcome.DUPLICATE}:
        entry.outcome = outcome
    return entry.outcome is not None


def _unavailable(again: Sequence[Answered], sent: int) -> Unavailable:
    """Return why documents must be sent again. A cause that needs an operator comes first."""
    outcomes = [outcome_of(item) for _, item in again]
    kinds = ", ".join(f"{kind} {count}" for kind, count in Counter(item.kind for _, item in again).most_common(3))
    reason = f"bulk: {len(again)} of {sent} documents not taken ({kinds})"
    if Outcome.OPERATOR in outcomes:
        error = again[outcomes.index(Outcome.OPERATOR)][1].error
        remedy = remedy_of(error) if error else None
        return Unavailable(reason, remedy or "look the error up in the search server's documentation", operator=True)
    if Outcome.AGAIN in outcomes:
        return Unavailable(reason, "none: they are sent again")
    documents = [(entry, Rejected(item.kind, item.said)) for entry, item in again]
    return Stuck(f"{reason}, the first of them {again[0][0].record.position}", documents)
