"""Events for the table of the loader's tests; and events that make no row of it, in ten ways, with their reasons."""

import gzip
from collections.abc import Iterator

from consumers.local.simulator import Kind, Produced

BAD_EVERY = 100
GOOD = b'{"session":"s%d","amount":%d}'
BAD: tuple[tuple[bytes, str], ...] = (
    (b"", "empty"),
    (b'{"session":"s","amount":1', "json_invalid"),
    (b'["s",1]', "not_object"),
    (b'{"session":"s","amount":1,"amount":2}', "duplicate_key"),
    (b'{"session":"s","amount":"much"}', "wrong_type"),
    (b'{"session":"s","amount":null}', "missing"),
    (b'{"session":"s","amount":9223372036854775808}', "out_of_range"),
    (b'{"session":"a session of too many letters","amount":1}', "too_long"),
    (b'{"session":"\\u0000","amount":1}', "bad_character"),
    (gzip.compress(b'{"session":"s","amount":1}', mtime=0)[:-9], "compressed_invalid"),
)


def events(count: int) -> Iterator[Produced]:
    """Give so many events, one in a hundred of them bad, each with an amount of its own where it has one."""
    for number in range(count):
        bad = number % BAD_EVERY == BAD_EVERY // 2
        payload = BAD[number // BAD_EVERY % len(BAD)][0] if bad else GOOD % (number % 97, number)
        yield Produced(f"key-{number % 97}", payload, Kind.GARBAGE if bad else Kind.EVENT)


def amounts(count: int) -> int:
    """Give the sum of the amounts of the good ones."""
    return sum(number for number in range(count) if number % BAD_EVERY != BAD_EVERY // 2)
