"""The contract on Kafka: the real client, against librdkafka's own cluster."""

import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("confluent_kafka")

from confluent_kafka import Consumer as Reader
from confluent_kafka import TopicPartition

from consumers.config.consumer import Consumer
from consumers.kafka_mirror import KAFKA_MIRROR, KafkaSettings, Topic
from tests.concern.kit import Contract
from tests.support.kafka_cluster import kafka_cluster

Cluster = tuple[str, subprocess.Popen[str]]


class KafkaPlace:
    """A topic of its own."""

    once = False
    refused = b"r" * 300_000

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.brokers, self._process = cluster
        self._folder = folder
        self.topic = f"events-{uuid.uuid4()}"
        self.keys: Mapping[str, object] = {
            "bootstrapServers": self.brokers,
            "topic": self.topic,
            "requestSeconds": 1,
            "clientFile": self._file("narrow", 250_000),
        }

    @property
    def consumer(self) -> Consumer:
        return KAFKA_MIRROR

    def connect(self, settings: KafkaSettings) -> Topic:
        return Topic(settings)

    def held(self) -> list[tuple[str, str, bytes]]:
        reader = Reader(
            {"bootstrap.servers": self.brokers, "group.id": str(uuid.uuid4()), "enable.partition.eof": True}
        )
        partitions = reader.list_topics(self.topic, timeout=10).topics[self.topic].partitions
        reader.assign([TopicPartition(self.topic, number, 0) for number in partitions])
        found, open_ones = [], set(partitions)
        while open_ones:
            message = reader.poll(10)
            assert message is not None
            if message.error():
                open_ones.discard(message.partition())
                continue
            names: dict[str, Any] = dict(message.headers() or [])
            found.append((names["shard"].decode(), names["position"].decode(), message.value() or b""))
        reader.close()
        return found

    @contextmanager
    def away(self) -> Iterator[None]:
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def accept(self) -> Mapping[str, object]:
        return {"clientFile": self._file("wide", 1_000_000)}

    def _file(self, name: str, most_bytes: int) -> Path:
        file = self._folder / f"{name}.json"
        file.write_bytes(msgspec.json.encode({"message.max.bytes": str(most_bytes), "log_level": "0"}))
        return file


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One for all tests."""
    with kafka_cluster() as cluster:
        yield cluster


class TestKafkaMirror(Contract):
    """At least once, with the record's place in the headers."""

    @pytest.fixture
    def place(self, cluster: Cluster, tmp_path: Path) -> KafkaPlace:
        """A topic in it."""
        return KafkaPlace(cluster, tmp_path)
