"""Finds gaps and overlaps among loaded and waiting objects, by the predecessor that each object names."""

from collections.abc import Iterable, Iterator

from consumers.audit.ranges import Piece, Ranges
from consumers.redshift.ledger import Done
from consumers.redshift.redrive import ORIGIN
from consumers.redshift.staged import Staged


def gaps(ledger: Iterable[Done], waiting: Iterable[Staged]) -> Iterator[tuple[str, str]]:
    """Yield each missing object, by a name for it, and why it must have existed. Pure.

    Objects before the first one of a shard are not looked for: they may be older than the listing.
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
    """Yield the keys of waiting objects that share records with another one, and must not be loaded. Pure.

    The chain makes no such objects. They come from a copy by hand, or from a rewind to before what is kept.
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
