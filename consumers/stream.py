"""The stream: its identity, how KCL reads it, and its shards as Kinesis lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from consumers import aws
from consumers.config.settings import Settings
from consumers.hours.lineage import StreamShard
from consumers.waiting import Unavailable

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 10
_MOST_PAGES = 100

# KCL 3.1.3 keeps 3 reads in a queue and one in hand (`SimpleRecordsFetcherFactory`, `PrefetchRecordsPublisher`), and
# 11 events with enhanced fan-out (`FanOutRecordsPublisher`). Twice that: late costs seconds, early would be a lie.
_PREFETCH = {"POLLING": 8, "FANOUT": 24}

_OPERATOR = {
    "AccessDeniedException": "grant kinesis:ListShards on the stream",
    "ResourceNotFoundException": "correct streamName, streamArn or regionName: there is no such stream",
    "UnrecognizedClientException": "give the process valid AWS credentials",
    "InvalidSignatureException": "give the process valid AWS credentials",
    "ExpiredTokenException": "renew the AWS credentials of the process",
}


def stream_of(settings: Settings) -> str:
    """Identify the stream: by its ARN where it is given, otherwise by region and name."""
    return settings.kcl.get("streamArn") or f"{settings.kcl.get('regionName', '')}:{settings.stream}"


def request_of(settings: Settings) -> dict[str, str]:
    """Name the stream as Kinesis's calls take it."""
    arn = settings.kcl.get("streamArn")
    return {"StreamARN": arn} if arn else {"StreamName": settings.stream}


def prefetch_of(kcl: Mapping[str, str]) -> int:
    """Give the number of deliveries that KCL may have fetched ahead, at the most."""
    return _PREFETCH[kcl.get("retrievalMode", "POLLING").upper()]


def timestamp_of(kcl: Mapping[str, str]) -> int:
    """Give where a start at AT_TIMESTAMP begins, in UTC milliseconds; 0 if there is none."""
    return int(kcl.get("initialPositionInStreamExtended", "0")) * 1000


@dataclass(frozen=True, slots=True)
class Described:
    """The stream as Kinesis describes it. What the answer leaves out is None, or not so."""

    arn: str | None
    created: datetime | None
    retention_hours: int | None
    distributes_itself: bool
    """Whether Kinesis chooses the shard of each record: a key may be absent, and says nothing of the shard."""


def described(kinesis: Any, name: Mapping[str, str]) -> Described:  # noqa: ANN401 - boto3
    """Ask for the stream's summary.

    Raises:
        botocore.exceptions.ClientError: AWS refused the call.

    """
    summary = kinesis.describe_stream_summary(**name).get("StreamDescriptionSummary", {})
    return Described(
        summary.get("StreamARN"),
        summary.get("StreamCreationTimestamp"),
        summary.get("RetentionPeriodHours"),
        summary.get("RecordDistributionStrategy") == "AUTO",  # a botocore of before October 2026 leaves it out
    )


def listed(kinesis: Any, name: Mapping[str, str]) -> list[StreamShard]:  # noqa: ANN401 - boto3
    """List a stream's shards, open and closed, as far as the stream keeps them.

    Raises:
        Unavailable: there are more pages than any stream has.
        botocore.exceptions.ClientError: AWS refused a call.

    """
    request, found = dict(name), list[StreamShard]()
    for _ in range(_MOST_PAGES):
        answer = kinesis.list_shards(**request)
        found += [_shard(shard) for shard in answer["Shards"]]
        if not answer.get("NextToken"):
            return found
        request = {"NextToken": answer["NextToken"]}
    reason = f"ListShards {next(iter(name.values()))}: more than {_MOST_PAGES} pages"
    raise Unavailable(reason, "report it as a bug", operator=True)


def shards_of(settings: Settings) -> "StreamShards":
    """Give the shards of the configured stream."""
    arn = settings.kcl.get("streamArn")
    region = settings.kcl.get("regionName") or (arn.split(":")[3] if arn else None)
    return StreamShards(request_of(settings), region, settings.kcl.get("kinesisEndpoint"))


class StreamShards:
    """Lists a stream's shards, open and closed, as far as the stream keeps them."""

    def __init__(self, name: Mapping[str, str], region: str | None, endpoint: str | None) -> None:
        """Remember which; the client is made at the first call: most processes seldom need it."""
        self._name = dict(name)
        self._region = region
        self._endpoint = endpoint
        self._client: Any = None

    def list(self) -> list[StreamShard]:
        """Ask Kinesis.

        Raises:
            Unavailable: it did not answer, or refuses.

        """
        where = f"ListShards {next(iter(self._name.values()))}"
        try:
            self._client = self._client or self._connect()
            return listed(self._client, self._name)
        except ClientError as fault:
            code = str(fault.response.get("Error", {}).get("Code", "unknown"))
            remedy, reason = _OPERATOR.get(code), f"{where}: {code}"
            raise Unavailable(reason, remedy or "none: it is tried again", operator=bool(remedy)) from fault
        except (BotoCoreError, KeyError, ValueError, RuntimeError) as fault:
            if not isinstance(fault, HTTPClientError):
                self._client = None  # it looks for credentials only when it is made
                aws.forget()
            reason = f"{where}: {type(fault).__name__}"
            raise Unavailable(reason, "none: it is tried again") from fault

    def _connect(self) -> Any:  # noqa: ANN401 - botocore's clients have no types
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"total_max_attempts": 1},  # the caller tries again later, and says so
            max_pool_connections=1,
        )
        return aws.client("kinesis", region_name=self._region, endpoint_url=self._endpoint or None, config=config)


def _shard(listed: Mapping[str, Any]) -> StreamShard:
    parents = {listed.get("ParentShardId"), listed.get("AdjacentParentShardId")} - {None, ""}
    range_ = listed["HashKeyRange"]
    return StreamShard(
        listed["ShardId"],
        tuple(sorted(str(parent) for parent in parents)),
        int(range_["StartingHashKey"]),
        int(range_["EndingHashKey"]),
    )
