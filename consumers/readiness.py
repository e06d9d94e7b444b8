"""Checks, before the daemon starts, that a destination supports what a consumer relies on."""

import time
from collections.abc import Callable
from typing import TypeVar

from consumers.config.consumer import NotReady
from consumers.logs import logger
from consumers.s3.probe import ConditionIgnored, probe
from consumers.s3.store import S3Store
from consumers.waiting import Patience, Unavailable

T = TypeVar("T")


def insist(what: str, call: Callable[[], T]) -> T:
    """Make the call until it is answered, and return the answer. Waits while the destination is away.

    `what` names the properties at fault, for the message.

    Raises:
        NotReady: only an operator can mend it.

    """

    def ask() -> T:
        try:
            return call()
        except Unavailable as fault:
            if fault.operator:
                message = f"{what}: {fault.reason}. Remedy: {fault.remedy}"
                raise NotReady(message) from fault
            raise

    return Patience(time.sleep, time.monotonic, logger()).until_done(ask)


def insist_on_conditions(keys: str, store: S3Store) -> None:
    """Check that a bucket honours conditional PUTs. `keys` is the prefix of the properties that configure it.

    Raises:
        NotReady: the bucket ignores the conditions, or refuses the calls.

    """
    try:
        insist(f"{keys}.bucket {store.access.bucket}", lambda: probe(store))
    except ConditionIgnored as fault:
        message = f"{keys}.endpoint {store.access.endpoint or 'AWS'}: {fault}. Remedy: use a store that honours it"
        raise NotReady(message) from fault
