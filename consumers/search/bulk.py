"""Sends documents to the server, as many at once as it takes, until the fate of each is known.

Any request may be sent again: a document's id is a pure function of its position, and `create` refuses a second one.
"""

from collections import Counter
from collections.abc import Sequence

from isal import igzip

from consumers.documents.document import Rejected
from consumers.search.answers import Busy, TooLarge, items_of
from consumers.search.batch import Entry, IndexBatch
from consumers.search.items import Item, ItemError, Outcome, outcome_of, remedy_of
from consumers.search.server import NoAnswer, SearchServer
from consumers.waiting import Unavailable

# Only what is looked at: it makes the answer a quarter as long.
PATH = "/_bulk?filter_path=errors,items.*.status,items.*.error"
_GZIP_LEVEL = 1
_LEAST_BYTES = 1 << 12
_TOO_LARGE = Rejected("too_large", "the search server takes no request with this document alone")


class Bulk:
    """One shard's requests.

    A request that was too large is halved, and none is that large again. One that got no answer, or found the server
    busy, is halved too, and grows back as requests succeed.
    """

    def __init__(self, server: SearchServer, max_bytes: int) -> None:
        """Send to this server, `max_bytes` before compression at once."""
        self._server = server
        self._most_bytes = self._now_bytes = max_bytes

    def send(self, batch: IndexBatch) -> None:
        """Send what is pending until nothing is.

        Raises:
            Unavailable: what is pending still has to be sent again.

        """
        progressed = False
        while batch.pending:
            sent = _fitting(batch.pending, self._now_bytes)
            try:
                again = self._request(sent)
            except Unavailable as fault:
                fault.progressed = progressed
                raise
            batch.pending = [entry for entry in batch.pending if entry.outcome is None]
            if again:
                raise _unavailable(again, len(sent), progressed=progressed or len(again) < len(sent))
            progressed = True

    def _request(self, entries: Sequence[Entry]) -> list[Item]:
        """Send one request, take note of each fate that is final, and give the answers that are not."""
        body = b"".join([entry.lines for entry in entries])
        try:
            answer = self._server.ask(
                "POST",
                PATH,
                igzip.compress(body, _GZIP_LEVEL),
                content_type="application/x-ndjson",
                encoding="gzip",
            )
            items = items_of(answer, len(entries))
        except TooLarge:
            if len(entries) > 1:
                self._most_bytes = self._now_bytes = len(body) // 2
            else:
                entries[0].reject(_TOO_LARGE)
            return []
        except (Busy, NoAnswer):
            self._now_bytes = min(max(len(body) // 2, _LEAST_BYTES), self._most_bytes)
            raise
        self._now_bytes = min(self._now_bytes + self._now_bytes // 8, self._most_bytes)
        if items is None:
            for entry in entries:
                entry.outcome = Outcome.INDEXED
            return []
        return [item for entry, item in zip(entries, items, strict=True) if not _final(entry, item)]


def _final(entry: Entry, item: Item) -> bool:
    outcome = outcome_of(item)
    if outcome is Outcome.REJECTED:
        error = item.error or ItemError()
        entry.reject(Rejected(error.type or "rejected", _detail(error)))
    elif outcome in {Outcome.INDEXED, Outcome.DUPLICATE}:
        entry.outcome = outcome
    return entry.outcome is not None


def _detail(error: ItemError) -> str:
    causes = []
    cause: ItemError | None = error
    while cause is not None:
        causes.append(f"{cause.type}: {cause.reason}")
        cause = cause.caused_by
    return "; ".join(causes)[:2000]


def _fitting(entries: Sequence[Entry], most_bytes: int) -> Sequence[Entry]:
    """Give as many as fit, and one at least."""
    size = 0
    for count, entry in enumerate(entries):
        size += len(entry.lines)
        if size > most_bytes and count:
            return entries[:count]
    return entries


def _unavailable(items: Sequence[Item], sent: int, *, progressed: bool) -> Unavailable:
    """Say why documents have to be sent again: what needs an operator first."""
    errors = [item.error or ItemError(f"HTTP {item.status}") for item in items]
    for item, error in zip(items, errors, strict=True):
        if outcome_of(item) is Outcome.OPERATOR:
            remedy = remedy_of(error) or "look the error up in the search server's documentation and log"
            return Unavailable(f"bulk: {error.type} for {len(items)} of {sent} documents", remedy, operator=True)
    kinds = ", ".join(f"{kind} {count}" for kind, count in Counter(error.type for error in errors).most_common(3))
    reason = f"bulk: {len(items)} of {sent} documents not taken now ({kinds})"
    return Unavailable(reason, "none: they are sent again", progressed=progressed)
