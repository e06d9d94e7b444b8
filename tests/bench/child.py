"""CPU of one child, from the daemon's line to the stored object and the checkpoint.

Every contender is a process of its own that stays alive; in each round each is fed the same lines.
The figure is the least CPU of the rounds: noise only adds.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.bench import contenders, events, lines, services
from tests.bench.pipe import Child
from tests.bench.report import Figure, Say

ROUNDS = 5
ROUND_RECORDS = 200_000
MOST_OF_STOCK = 1 / 5
MOST_OF_FLOOR = 2.5
_US = 1e6


def run(directory: Path, say: Say) -> Iterator[Figure]:
    """Measure ours, stock and the floor."""
    tape = lines.Tape.of(events.generate())
    with services.replay(directory, services.Volume()) as endpoint, contextlib.ExitStack() as stack:
        children = {
            name: stack.enter_context(Child(command, services.ENVIRONMENT, directory / f"child-{name}.log"))
            for name, command in contenders.children(directory, endpoint.url, tape).items()
        }
        least_s = _least(children, tape, say)
        _check(children, endpoint)
    cost_us = {name: seconds * _US / ROUND_RECORDS for name, seconds in least_s.items()}
    for name, value in cost_us.items():
        yield Figure("child", f"{name}, CPU a record", value, "us")
    note = f"stock amazon_kclpy with gzip 6; {lines.OBJECT_RECORDS:,} records an object, both"
    yield Figure("child", "ours / stock", cost_us["ours"] / cost_us["stock"], "", MOST_OF_STOCK, note)
    note = "pipe read, a native scan for each record, ISA-L gzip of data decoded beforehand"
    yield Figure("child", "ours / floor", cost_us["ours"] / cost_us["floor"], "", MOST_OF_FLOOR, note)


def _least(children: dict[str, Child], tape: lines.Tape, say: Say) -> dict[str, float]:
    """Give the least CPU seconds of a round for each child. The first round only warms up."""
    least = dict.fromkeys(children, float("inf"))
    for number in range(ROUNDS + 1):
        first = number * ROUND_RECORDS
        batch = [tape.line(start) for start in range(first, first + ROUND_RECORDS, lines.LINE_RECORDS)]
        spent = {}
        for name, child in children.items():
            before = child.cpu_s()
            for line in batch:
                child.ask(line)
            spent[name] = child.cpu_s() - before
        if number:
            least = {name: min(least[name], spent[name]) for name in children}
        shown = ", ".join(f"{name} {seconds * _US / ROUND_RECORDS:.2f}" for name, seconds in spent.items())
        say(f"child: round {number} of {ROUNDS}: {shown} us a record")
    return least


def _check(children: dict[str, Child], endpoint: services.Replay) -> None:
    """Hold each contender to its word: all is stored, and checkpointed to the last record.

    Raises:
        RuntimeError: it is not.

    """
    count = (ROUNDS + 1) * ROUND_RECORDS
    batches = count // lines.OBJECT_RECORDS
    paths = [str(entry["path"]) for entry in endpoint.objects()]
    for name, child in children.items():
        if name == "floor":
            continue
        objects = sum(f"/{name}/" in path and ".index" not in path for path in paths)
        if child.last_sequence != lines.sequence_number(count - 1) or objects < batches:
            message = (
                f"{name} checkpointed {child.last_sequence or 'nothing'} and stored {objects} objects, "
                f"where {batches} and record {count - 1} were due: its figure would be of another work"
            )
            raise RuntimeError(message)
