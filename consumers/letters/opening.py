"""Opens the dead letters of a consumer for a command."""

import time
from collections.abc import Sequence
from dataclasses import replace

from consumers.config.consumer import Consumer, NotForThis, Redrive
from consumers.config.settings import Settings
from consumers.letters.keys import aside_place
from consumers.letters.letter import Letter
from consumers.letters.settings import LetterSettings, dead_letters, letter_store
from consumers.letters.store import DeadLetters
from consumers.logs import configure, logger
from consumers.records import Record
from consumers.s3.store import S3Store
from consumers.waiting import DeadlineReached, Patience, Unavailable

_ATTEMPTS = 5
_PATIENCE_S = 60.0


def opened(settings: Settings, consumer: Consumer) -> tuple[DeadLetters, S3Store]:
    """Open the dead letters, for a command that makes a few attempts and does not wait.

    Raises:
        NotForThis: the consumer has no dead letters.

    """
    section = settings.section
    if not isinstance(section, LetterSettings):
        if consumer.aside is not None:
            store = S3Store(replace(consumer.aside(section).access, attempts=_ATTEMPTS))
            return DeadLetters(store, aside_place(settings.application)), store
        message = (
            f"{settings.path} is of {consumer.name}, which rejects no record, and so has no dead letters. "
            "Give the file of a consumer that looks into records."
        )
        raise NotForThis(message)
    store = S3Store(replace(letter_store(section, consumer.section).access, attempts=_ATTEMPTS))
    return dead_letters(section, store, settings.application), store


def redrive_of(settings: Settings, consumer: Consumer) -> Redrive:
    """Return the function that redrives letters. It waits a minute if the destination does not accept.

    Raises:
        NotForThis: the consumer cannot redrive.

    """
    if consumer.redrive is None:
        message = f"{consumer.name} cannot put dead letters through again. Take them out with: dead-letters show"
        raise NotForThis(message)
    once = consumer.redrive(settings)
    configure("warning")
    patience = Patience(time.sleep, time.monotonic, logger())

    def put_through(shard: str, records: Sequence[Record]) -> Sequence[Letter]:
        try:
            return patience.until_done(lambda: once(shard, records), time.monotonic() + _PATIENCE_S)
        except DeadlineReached as late:
            reason = f"the destination did not accept within {_PATIENCE_S:g} s: {late}"
            raise Unavailable(reason, "mend it, and give the same command again: it goes on where it stopped") from late

    return put_through
