"""`python -m tests.bench.decode`: CPU of decoding one event, beside the standard library's `json.loads`.

Both take the same events in turn; each figure is the least of the rounds, as noise only adds.
"""

import json
import time
from collections.abc import Callable, Iterator

from consumers.documents.decode import Limits, decode
from tests.bench import events

ROUNDS = 15
EVENTS = 5_000
_US = 1e6
_LIMITS = Limits()


def figures() -> Iterator[tuple[str, float, float]]:
    """Give a name, our microseconds an event, and those of `json.loads`, for events in each spelling."""
    compact = events.generate(count=EVENTS)
    spelt = {
        "as a browser writes it": compact,
        "with a newline at the end": [event + b"\n" for event in compact],
        "with spaces": [json.dumps(json.loads(event)).encode() for event in compact],
        "two in a record": [event + b"\n" + event for event in compact],
    }
    for name, payloads in spelt.items():
        other = _loads_lines if b"\n{" in payloads[0] else json.loads
        ours_us, loads_us = _least_us(payloads, _ours, other)
        yield name, ours_us, loads_us


def _ours(payload: bytes) -> None:
    decode(payload, _LIMITS)


def _loads_lines(payload: bytes) -> None:
    for line in payload.splitlines():
        json.loads(line)


def _least_us(payloads: list[bytes], *calls: Callable[[bytes], object]) -> list[float]:
    least = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for index, call in enumerate(calls):
            begun_s = time.process_time()
            for payload in payloads:
                call(payload)
            least[index] = min(least[index], time.process_time() - begun_s)
    return [seconds * _US / len(payloads) for seconds in least]


if __name__ == "__main__":
    for name, ours_us, loads_us in figures():
        print(f"{name:28} {ours_us:6.2f} us   json.loads {loads_us:6.2f} us   ratio {ours_us / loads_us:.2f}")
