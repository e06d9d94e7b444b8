"""Whether anything is missing between what is loaded and what waits: each object says after what it begins."""

from collections.abc import Iterable, Iterator

from consumers.audit.ranges import Piece, Ranges
from consumers.redshift.ledger import Done
from consumers.redshift.redrive import ORIGIN
from consumers.redshift.staged import Staged


def gaps(ledger: Iterable[Done], waiting: Iterable[Staged]) -> Iterator[tuple[str, str]]:
    """Yield what is missing, by a name for it, and why it must have been there. Pure.

    What came before the first object of a shard is not looked for: it may be older than what is listed.
    """
    shards: dict[str, Ranges] = {}
    pieces = [(one.shard, Piece(one.key, one.first, one.last, one.after, one.origin)) for one in ledger]
    for staged in waiting:
        link = staged.link
        pieces.append((link.shard, Piece(staged.key, link.first, link.last, link.after, link.origin)))
    for shard, piece in sorted(pieces, key=lambda one: (one[0], one[1].first)):
        if piece.origin == ORIGIN:
            continue
        if not shards.setdefault(shard, Ranges()).add(piece):
            yield piece.key, "it holds records that another object holds too: somebody has copied it here"
    for shard, ranges in shards.items():
        for found in ranges.breaks():
            if not found.said:
                name = f"the object of {shard} after {found.before}"
                yield name, f"{found.behind.key} follows it, and it is neither staged nor in the ledger"
