"""Holds an archive against what the stream holds: each record once, each byte, each chain whole."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from consumers.chain.layout import shard_in
from consumers.chain.link import Link
from consumers.local.ledger import Ledger, sha256_of
from consumers.objects.reader import fetch
from consumers.records import Position, Record
from consumers.s3.store import BucketAccess, S3Store
from tests.daemon.stage import Stage
from tests.support.archive import object_keys
from tests.support.servers import KEYS


class Place(NamedTuple):
    """One record of one stream."""

    shard: str
    position: Position


class Put(NamedTuple):
    """What was put there."""

    partition_key: str | None
    sha256: str


Expected = Mapping[Place, Put]


def expected_of(ledger: Ledger) -> Expected:
    """Expect what the ledger says."""
    return {Place(e.shard, Position(e.sequence, 0)): Put(e.partition_key, e.sha256) for e in ledger}


def faults_in(stage: Stage, expected: Expected) -> list[str]:
    """Say what is wrong with a stage's archive; nothing if each record is there once and each chain is whole."""
    store = store_of(stage)
    seen: dict[Place, Put] = {}
    chains: dict[str, list[Link]] = {}
    faults: list[str] = []
    for key in object_keys(store):
        link, records = opened(store, key)
        faults += _faults_of_object(key, link, records)
        chains.setdefault(link.shard, []).append(link)
        for record in records:
            place = Place(link.shard, record.position)
            faults += [f"doubled {place} in {key}"] if place in seen else []
            seen[place] = Put(record.partition_key, sha256_of(record.payload))
    faults += [f"lost {place}" for place in expected.keys() - seen.keys()]
    faults += [f"unexpected {place}" for place in seen.keys() - expected.keys()]
    faults += [f"altered {place}" for place in seen.keys() & expected.keys() if seen[place] != expected[place]]
    for links in chains.values():
        faults += _faults_of_chain(sorted(links, key=lambda link: link.first))
    return faults


def opened(store: S3Store, key: str) -> tuple[Link, list[Record]]:
    """Read an object: what it says of itself, and its records."""
    return Link.parse(store.metadata(key) or {}), list(fetch(store, key))


def store_of(stage: Stage) -> S3Store:
    """Open the stage's bucket."""
    return S3Store(BucketAccess(stage.name, KEYS["AWS_DEFAULT_REGION"], stage.server.endpoint))


def chain_of(stage: Stage, shard: str) -> list[Link]:
    """Give the links of a shard's chain, in order."""
    store = store_of(stage)
    keys = [key for key in object_keys(store) if shard_in(key) == shard]
    return sorted((Link.parse(store.metadata(key) or {}) for key in keys), key=lambda link: link.first)


def _faults_of_object(key: str, link: Link, records: list[Record]) -> Iterator[str]:
    if not records:
        yield f"{key} holds nothing"
        return
    arrivals = [record.arrival_ms for record in records]
    said = (link.shard, link.first, link.last, link.count, link.min_arrival_ms, link.max_arrival_ms)
    first, last = records[0].position, records[-1].position
    if said != (shard_in(key), first, last, len(records), min(arrivals), max(arrivals)):
        yield f"{key} says of itself what is not so"


def _faults_of_chain(links: list[Link]) -> Iterator[str]:
    if links[0].after or links[0].origin != "TRIM_HORIZON":
        yield f"{links[0].shard} does not begin at its origin"
    for before, link in pairwise(links):
        if link.first <= before.last:
            yield f"overlap at {link.shard} {link.first}"
        if link.after != before.last or link.origin:
            yield f"gap before {link.shard} {link.first}"
