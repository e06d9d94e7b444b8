"""Proves at start-up that the bucket honours the conditions on which exactly-once and watermarks rest."""

import hashlib

from consumers.chain.store import STATE_PREFIX, ObjectStore

PROBE_KEY = f"{STATE_PREFIX}/probe"
NO_VERSION = f'"{"0" * 32}"'


class ConditionIgnored(Exception):
    """The store overwrote an object although the condition forbade it."""


def probe(store: ObjectStore) -> None:
    """Prove that the store honours conditional writes.

    It writes one key twice, and requires that the second write is refused. It replaces a version that never existed,
    and requires that this is refused. Then it lists and reads the key, as each lease will. The key is always the same,
    so that nothing is left to clean up. An object that stands from an earlier probe proves it with the first write.

    Raises:
        ConditionIgnored: a write was accepted that the condition forbids.
        Unavailable: the store does not answer, or refuses the process.

    """
    body = b"kinesis-fleet: this object proves that If-None-Match is honoured\n"
    digest = hashlib.sha256(body).digest()
    if store.put_new(PROBE_KEY, body, {}, digest) and store.put_new(PROBE_KEY, body, {}, digest):
        message = f"the store overwrote {PROBE_KEY} in spite of If-None-Match: * - it would double and lose records"
        raise ConditionIgnored(message)
    if store.swap(PROBE_KEY, body, NO_VERSION) is not None:
        message = f"the store overwrote {PROBE_KEY} in spite of If-Match - it would set watermarks back"
        raise ConditionIgnored(message)
    list(store.list(PROBE_KEY))
    store.find(PROBE_KEY)
