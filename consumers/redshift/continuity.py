"""Whether anything is missing or doubled among what is loaded and what waits: each object says after what it begins."""

from collections.abc import Iterable, Iterator

from consumers.audit.ranges import Piece, Ranges
from consumers.redshift.ledger import Done
from consumers.redshift.redrive import ORIGIN
from consumers.redshift.staged import Staged


def gaps(ledger: Iterable[Done], waiting: Iterable[Staged]) -> Iterator[tuple[str, str]]:
    """Yield what is missing, by a name for it, and why it must have been there. Pure.

    What came before the first object of a shard is not looked for: it may be older than what is listed.
    """
    pieces = [*_done(ledger), *_waiting(waiting)]
    shards: dict[str, Ranges] = {}
    for shard, piece in sorted(pieces, key=lambda one: (one[0], one[1].first)):
        shards.setdefault(shard, Ranges()).add(piece)
    for shard, ranges in shards.items():
        for found in ranges.breaks():
            if not found.said:
                name = f"the object of {shard} after {found.before}"
                yield name, f"{found.behind.key} follows it, and it is neither staged nor in the ledger"


def doubled(ledger: Iterable[Done], waiting: Iterable[Staged]) -> Iterator[tuple[str, str]]:
    """Yield the keys of waiting objects that hold records of another one, and which must not be loaded. Pure.

    The chain makes none. They come of a copy by hand, or of a rewind to before what is kept.
    """
    shards: dict[str, Ranges] = {}
    for shard, piece in sorted(_done(ledger), key=lambda one: one[1].first):
        shards.setdefault(shard, Ranges()).add(piece)
    for shard, piece in sorted(_waiting(waiting), key=lambda one: one[1].first):
        if not shards.setdefault(shard, Ranges()).add(piece):
            yield piece.key, "it holds records that another object holds, which is loaded or waits to be"


def _done(ledger: Iterable[Done]) -> Iterator[tuple[str, Piece]]:
    for one in ledger:
        if one.origin != ORIGIN:
            yield one.shard, Piece(one.key, one.first, one.last, one.after, one.origin)


def _waiting(waiting: Iterable[Staged]) -> Iterator[tuple[str, Piece]]:
    for one in waiting:
        link = one.link
        if link.origin != ORIGIN:
            yield link.shard, Piece(one.key, link.first, link.last, link.after, link.origin)
