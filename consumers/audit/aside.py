"""The records of the audited hours that were set aside: they arrived, and are in no object."""

from collections import Counter
from collections.abc import Iterator

from consumers.chain.store import ObjectStore
from consumers.hours.times import hour_text
from consumers.letters.keys import Stored, aside_place, hour_in
from consumers.letters.reading import Reader
from consumers.letters.store import DeadLetters


def set_aside(store: ObjectStore, application: str, stream: str, first_ms: int, last_ms: int) -> Iterator[str]:
    """Yield a line for each shard and hour with its number of set-aside records.

    Records of an unknown hour are included, since they may belong to one of these hours.

    Raises:
        Unavailable: the bucket does not answer.
    """
    letters = DeadLetters(store, aside_place(application))
    unknown = (one for one in letters.entries(0, 0) if first_ms > 0)
    found: list[Stored] = [*unknown, *letters.entries(first_ms, last_ms)]
    reader = Reader(letters)
    counts = Counter((one.shard, hour_in(one)) for one in reader.distinct(found) if one.stream == stream)
    for (shard, hour_ms), count in sorted(counts.items()):
        hour = hour_text(hour_ms) if hour_ms else "an hour that is not known"
        yield f"{shard}: {count} of {hour} could not be read and were set aside"
    for fault in reader.damaged:
        yield f"set aside, and now damaged: {fault}"
