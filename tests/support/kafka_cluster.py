"""librdkafka's own mock cluster, in a process that a test may halt: `python -m tests.support.kafka_cluster`."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Producer


def main() -> None:
    """Run a cluster until standard input ends; print where it listens."""
    cluster = Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 2, "log_level": 0})
    brokers = cluster.list_topics(timeout=30).brokers.values()
    print(",".join(f"{broker.host}:{broker.port}" for broker in brokers), flush=True)
    sys.stdin.read()


@contextmanager
def kafka_cluster() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a cluster until the block ends: its brokers, and its process."""
    command = [sys.executable, "-m", "tests.support.kafka_cluster"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


if __name__ == "__main__":
    main()
