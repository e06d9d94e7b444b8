"""What one demonstration does, and what the properties files of its daemons have in common."""

from collections.abc import Mapping
from dataclasses import dataclass

EMBEDDED_REGION = "us-east-1"
STOP_TIMEOUT_S = 45
# Below some 500 ms KCL has filled its prefetch queue before it is told to stop, and then waits 10 s
# for a thread that waits for room in it.
_IDLE_BETWEEN_READS_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run.

    ``endpoint`` is where Kinesis, DynamoDB and S3 answer; None is the account of the
    environment's credentials. ``embedded`` says that the endpoint is our own process, and
    that no credentials are needed. ``begin_s`` (epoch seconds) is where a stream that existed
    before is read from; None reads all of it.
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
        """Name a sink's application, and so its lease table."""
        return f"{self.application}-{sink.replace('_', '-')}"

    def beside(self, what: str) -> str:
        """Name a prefix beside the archive's, not under it: its audit reads all that lies there."""
        return f"{self.prefix}-{what}"

    def properties(self, sink: str, own: Mapping[str, object]) -> str:
        """Write the properties file of a sink's daemon, which has ``own`` keys besides those of all."""
        keys: dict[str, object] = {
            "consumer": sink,
            "streamName": self.stream,
            "applicationName": self.application_of(sink),
            "regionName": self.region,
            "metricsLevel": "NONE",
            "stopTimeoutSeconds": STOP_TIMEOUT_S,
            "idleTimeBetweenReadsInMillis": _IDLE_BETWEEN_READS_MS,
            # A stream that existed before may have more shards than a new one would get.
            "jvm.shards": self.shards if self.embedded else max(8, self.shards),
        }
        if self.endpoint is not None:
            keys["kinesisEndpoint"] = self.endpoint
            keys["dynamoDBEndpoint"] = self.endpoint
        if self.begin_s is not None:
            keys["initialPositionInStreamExtended"] = self.begin_s
        return "".join(f"{key} = {value}\n" for key, value in {**keys, **own}.items())

    def environment(self, inherited: dict[str, str]) -> dict[str, str]:
        """Variables for the fleet's processes.

        The embedded AWS takes any credentials, and real ones must not even be offered to it.
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
