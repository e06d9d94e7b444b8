"""Proves at start-up that the bucket honours the conditions on which exactly-once and watermarks stand."""

import hashlib

from consumers.chain.store import STATE_PREFIX, ObjectStore

PROBE_KEY = f"{STATE_PREFIX}/probe"
NO_VERSION = f'"{"0" * 32}"'


class ConditionIgnored(Exception):
    """The store overwrote an object that it was told not to."""


def probe(store: ObjectStore) -> None:
    """Write one key twice and demand that the second is refused; then list it and read it, as each lease will.

    Then replace a version of it that never was, and demand that this is refused too.

    The key is always the same, so that nothing is left to clean up; one that stands from before proves it at once.

    Raises:
        ConditionIgnored: the second write was accepted.
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
