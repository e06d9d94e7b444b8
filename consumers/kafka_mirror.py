"""Kafka: each record becomes a message of a topic, at least once.

Headers identify the record, so that readers can drop duplicates.
"""

from pathlib import Path
from typing import Annotated

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from msgspec import Meta

from consumers.concern import ConcernSettings, Item, Outbox, Unavailable, concern
from consumers.records import Record


class KafkaSettings(ConcernSettings, frozen=True, kw_only=True, rename="camel"):
    """The keys `kafka.*`."""

    bootstrap_servers: Annotated[str, Meta(min_length=3, description="Give host:port", examples=["kafka:9092"])]
    topic: Annotated[str, Meta(pattern=r"^[\w.-]{1,249}$", description="Give the topic", examples=["player-events"])]
    request_seconds: Annotated[
        float, Meta(ge=1, le=300, description="Give the seconds a message may take to be acknowledged, 1 to 300")
    ] = 30.0
    client_file: Annotated[
        str, Meta(pattern=r"^(/.+)?$", description="Give the path, from /, of a JSON object of librdkafka's properties")
    ] = ""


class Topic:
    """A producer that waits until each message is acknowledged by all in-sync replicas, or refused."""

    def __init__(self, kafka: KafkaSettings) -> None:
        """Make the producer. Security and limits are librdkafka's own properties, read from `client_file`."""
        file, self._kafka = kafka.client_file, kafka
        own = msgspec.json.decode(Path(file).read_bytes(), type=dict[str, str]) if file else {}
        fixed = {"bootstrap.servers": kafka.bootstrap_servers, "acks": "all", "enable.idempotence": True}
        self._producer = Producer(own | fixed | {"message.timeout.ms": int(kafka.request_seconds * 1000)})

    def ready(self) -> None:
        """Check that the topic exists."""
        topic, wait_s = self._kafka.topic, self._kafka.request_seconds
        try:
            error = self._producer.list_topics(topic, timeout=wait_s).topics[topic].error
        except KafkaException as fault:
            raise Unavailable(fault.args[0].str(), "look at the brokers and kafka.bootstrapServers") from fault
        if error:
            reason = f"topic {topic}: {error.str()}"
            raise Unavailable(reason, "make the topic, or set kafka.topic", operator=True)

    def prepare(self, record: Record) -> bytes:
        """Return the payload, unchanged."""
        return record.payload

    def deliver(self, outbox: Outbox[bytes]) -> None:
        """Produce the pending items, and apply the delivery report of each."""
        for item in outbox.pending:
            self._produce(item, outbox)
        if self._producer.flush(2 * self._kafka.request_seconds):
            self._producer.purge()
            self._producer.flush(1)  # reports what was purged, which stays pending and is offered again

    def _produce(self, item: Item[bytes], outbox: Outbox[bytes]) -> None:
        def report(error: KafkaError | None, _message: Message | None = None) -> None:
            if error is None:
                outbox.done(item)
            elif error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                outbox.reject(item, "too_large", error.str())

        record, topic = item.record, self._kafka.topic
        names: dict[str, str | bytes | None] = {"shard": outbox.shard, "position": str(record.position)}
        key, at, call = record.partition_key, record.arrival_ms, self._producer.produce
        try:
            call(topic, item.made, key, on_delivery=report, timestamp=at, headers=names)
        except KafkaException as fault:
            report(fault.args[0])
        except BufferError:
            self._producer.poll(0.1)  # librdkafka's queue is full: the item stays pending


KAFKA_MIRROR = concern("kafka_mirror", "kafka", KafkaSettings, Topic)
