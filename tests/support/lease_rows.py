"""Leases in a table, changed as those who hold them do."""

import threading
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

    @contextmanager
    def renewing(self, *shards: str) -> Iterator[None]:
        """Renew leases, as a daemon does."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(0.1):
                for shard in shards:
                    self.change(shard, "ADD leaseCounter :n", n={"N": "1"})

        thread = threading.Thread(target=renew)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
