"""Leases in a table, changed as those who hold them do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one table."""

    dynamodb: Any
    table: str

    def change(self, shard: str, expression: str, **values: dict[str, str]) -> None:
        """Update a row; `#c` is its checkpoint."""
        names = {"ExpressionAttributeNames": {"#c": "checkpoint"}} if "#c" in expression else {}
        self.dynamodb.update_item(
            TableName=self.table,
            Key={"leaseKey": {"S": shard}},
            UpdateExpression=expression,
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
            **names,
        )

    def set_checkpoint(self, checkpoint: str, *shards: str) -> None:
        """Commit; a row that is not there is made."""
        for shard in shards:
            self.change(shard, "SET #c = :c", c={"S": checkpoint})

    def own(self, worker: str, *shards: str) -> None:
        """Write a worker's name into leases, as whoever hands them out does."""
        for shard in shards:
            self.change(shard, "SET leaseOwner = :w ADD leaseCounter :n", w={"S": worker}, n={"N": "1"})


@dataclass(slots=True)
class Daemons:
    """Time that passes only where somebody sleeps; meanwhile the leases of those that live are renewed."""

    rows: Rows
    alive: tuple[str, ...] = ()
    now_s: float = 0.0

    def monotonic(self) -> float:
        """Tell the time, as the module does."""
        return self.now_s

    def time(self) -> float:
        """Tell the time, as the module does."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds
        for shard in self.alive:
            self.rows.change(shard, "ADD leaseCounter :n", n={"N": "1"})

    @contextmanager
    def renewing(self, *shards: str) -> Iterator[None]:
        """Have these leases renewed until the block ends."""
        self.alive = shards
        yield
        self.alive = ()
