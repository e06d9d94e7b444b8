"""The plan of a demonstration, and the properties that all its daemons share."""

from collections.abc import Mapping
from dataclasses import dataclass

EMBEDDED_REGION = "us-east-1"
STOP_TIMEOUT_S = 45
# Below some 500 ms KCL's prefetch queue is full when it is told to stop. KCL then waits 10 s for a
# thread that waits for room in the queue.
_IDLE_BETWEEN_READS_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The plan of one run.

    ``endpoint`` is the endpoint of Kinesis, DynamoDB and S3; None means the account of the
    environment's credentials. ``embedded`` says that the endpoint is a process of this run, which
    needs no credentials. ``begin_s`` (epoch seconds) is where reading starts in a stream that existed
    before; None reads all of it.
    """

    stream: str
    bucket: str
    prefix: str
    application: str
    region: str
    endpoint: str | None
    embedded: bool
    shards: int
    records: int
    rate: float
    seed: int
    compression: str | None = None
    begin_s: int | None = None

    def application_of(self, sink: str) -> str:
        """Return the name of a sink's application, and so of its lease table."""
        return f"{self.application}-{sink.replace('_', '-')}"

    def beside(self, what: str) -> str:
        """Return a prefix beside the archive's, not under it: the audit reads all that is under it."""
        return f"{self.prefix}-{what}"

    def properties(self, sink: str, own: Mapping[str, object]) -> str:
        """Return the text of the properties file of a sink's daemon, with its ``own`` keys and the common ones."""
        keys: dict[str, object] = {
            "consumer": sink,
            "streamName": self.stream,
            "applicationName": self.application_of(sink),
            "regionName": self.region,
            "metricsLevel": "NONE",
            "stopTimeoutSeconds": STOP_TIMEOUT_S,
            "idleTimeBetweenReadsInMillis": _IDLE_BETWEEN_READS_MS,
            # An existing stream may have more shards than a new one would get.
            "jvm.shards": self.shards if self.embedded else max(8, self.shards),
        }
        if self.endpoint is not None:
            keys["kinesisEndpoint"] = self.endpoint
            keys["dynamoDBEndpoint"] = self.endpoint
        if self.begin_s is not None:
            keys["initialPositionInStreamExtended"] = self.begin_s
        return "".join(f"{key} = {value}\n" for key, value in {**keys, **own}.items())

    def environment(self, inherited: dict[str, str]) -> dict[str, str]:
        """Return the variables for the fleet's processes.

        The embedded AWS accepts any credentials, and must not even receive real ones.
        """
        if not self.embedded:
            return dict(inherited)
        kept = {name: value for name, value in inherited.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ACCESS_KEY_ID": "embedded",
            "AWS_SECRET_ACCESS_KEY": "embedded",
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
