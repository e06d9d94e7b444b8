"""The stream: its identity, how KCL reads it, and its shards as Kinesis lists them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoRegionError

from consumers import aws
from consumers.config.settings import Settings
from consumers.hours.lineage import StreamShard
from consumers.reached import at
from consumers.waiting import Unavailable

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 10
MOST_PAGES = 100

# KCL 3.1.3 keeps 3 reads in a queue and one in hand (`SimpleRecordsFetcherFactory`, `PrefetchRecordsPublisher`), and
# 11 events with enhanced fan-out (`FanOutRecordsPublisher`). Twice as many are assumed: a watermark that is late costs
# seconds, and one that is early would be wrong.
_PREFETCH = {"POLLING": 8, "FANOUT": 24}

_OPERATOR = {
    "AccessDeniedException": "grant kinesis:{operation} on the stream",
    "ResourceNotFoundException": "correct streamName, streamArn or regionName: there is no such stream",
    "UnrecognizedClientException": "give the process valid AWS credentials",
    "InvalidSignatureException": "give the process valid AWS credentials",
    "ExpiredTokenException": "renew the AWS credentials of the process",
}

_NOT_ALLOWED = frozenset({"AccessDeniedException", "AccessDenied", "UnknownOperationException"})
T = TypeVar("T")


def stream_of(settings: Settings) -> str:
    """Return the stream's identity: its ARN where that is configured, otherwise `region:name`."""
    return settings.kcl.get("streamArn") or f"{settings.kcl.get('regionName', '')}:{settings.stream}"


def request_of(settings: Settings) -> dict[str, str]:
    """Return the parameters that name the stream in calls to Kinesis."""
    arn = settings.kcl.get("streamArn")
    return {"StreamARN": arn} if arn else {"StreamName": settings.stream}


def prefetch_of(kcl: Mapping[str, str]) -> int:
    """Return the most deliveries that KCL may have fetched ahead."""
    return _PREFETCH[kcl.get("retrievalMode", "POLLING").upper()]


def timestamp_of(kcl: Mapping[str, str]) -> int:
    """Return the time at which a start at AT_TIMESTAMP begins, in UTC milliseconds; 0 if none is set."""
    return int(kcl.get("initialPositionInStreamExtended", "0")) * 1000


@dataclass(frozen=True, slots=True)
class Described:
    """The stream as Kinesis describes it.

    A field that the answer leaves out is None, False for `distributes_itself`, ACTIVE for `status`.
    """

    arn: str | None
    created: datetime | None
    retention_hours: int | None
    distributes_itself: bool
    """Whether Kinesis chooses the shard of each record: keys may be absent, and do not determine the shard."""
    status: str = "ACTIVE"


class NoStream(Exception):
    """The stream does not exist where the properties say. The message gives the remedy."""

    exit_code = 69


class NoRegion(Exception):
    """Neither the properties file nor the environment gives the stream's region."""

    exit_code = 78


def described(kinesis: Any, name: Mapping[str, str]) -> Described:  # noqa: ANN401 - boto3
    """Ask Kinesis for the stream's summary.

    Raises:
        botocore.exceptions.ClientError: AWS refused the call.

    """
    summary = kinesis.describe_stream_summary(**name).get("StreamDescriptionSummary", {})
    return Described(
        summary.get("StreamARN"),
        summary.get("StreamCreationTimestamp"),
        summary.get("RetentionPeriodHours"),
        summary.get("RecordDistributionStrategy") == "AUTO",  # a botocore from before October 2026 leaves it out
        summary.get("StreamStatus", "ACTIVE"),
    )


def listed(kinesis: Any, name: Mapping[str, str]) -> list[StreamShard]:  # noqa: ANN401 - boto3
    """List the stream's shards, open and closed, as far as the stream keeps them.

    Raises:
        Unavailable: there are more pages than any stream has.
        botocore.exceptions.ClientError: AWS refused a call.

    """
    request, found = dict(name), list[StreamShard]()
    for _ in range(MOST_PAGES):
        answer = kinesis.list_shards(**request)
        found += [_shard(shard) for shard in answer["Shards"]]
        if not answer.get("NextToken"):
            return found
        request = {"NextToken": answer["NextToken"]}
    raise endless(name)


def endless(name: Mapping[str, str]) -> Unavailable:
    """Return the error for a list of shards that has no end."""
    reason = f"ListShards {next(iter(name.values()))}: more than {MOST_PAGES} pages"
    return Unavailable(reason, "look at what answers in the place of Kinesis; else report it as a bug", operator=True)


def shards_of(settings: Settings) -> "StreamShards":
    """Return the shards of the configured stream."""
    arn = settings.kcl.get("streamArn")
    region = settings.kcl.get("regionName") or (arn.split(":")[3] if arn else None)
    return StreamShards(request_of(settings), region, settings.kcl.get("kinesisEndpoint"))


class StreamShards:
    """The shards of a stream, open and closed, as far as the stream keeps them."""

    def __init__(self, name: Mapping[str, str], region: str | None, endpoint: str | None) -> None:
        """Store the stream's name. The client is made at the first call, since most processes seldom need it."""
        self._name = dict(name)
        self._region = region
        self._endpoint = endpoint
        self._client: Any = None

    def list(self) -> list[StreamShard]:
        """List the shards.

        Raises:
            Unavailable: Kinesis did not answer, or refused.

        """
        return self._asked("ListShards", listed)

    def describe(self) -> Described | None:
        """Describe the stream; return None where the role may not ask.

        Raises:
            NoStream: the stream does not exist, or is being deleted.
            NoRegion: no region is configured.
            Unavailable: Kinesis did not answer or refused, or the stream is being created.

        """
        try:
            found = self._asked("DescribeStreamSummary", described)
        except Unavailable as fault:
            cause = fault.__cause__
            if isinstance(cause, NoRegionError):
                message = f"{fault.reason}: no region is given. Remedy: set regionName to the region of the stream"
                raise NoRegion(message) from fault
            code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
            if code == "ResourceNotFoundException":
                raise self._missing() from fault
            if code in _NOT_ALLOWED:
                return None
            raise
        if found.status == "DELETING":
            raise self._missing()
        if found.status == "CREATING":
            reason = f"stream {self._called} is being created"
            raise Unavailable(reason, "none: it is tried again")
        return found

    @property
    def _called(self) -> str:
        return next(iter(self._name.values()))

    def _missing(self) -> NoStream:
        region = self._region or self._client.meta.region_name  # that of the environment, where the file names none
        where = f"in {region}" + (f" at {self._endpoint}" if self._endpoint else "")
        message = (
            f"stream {self._called} is not there, or is being deleted ({where}). Remedy: correct streamName or "
            "streamArn, regionName, or the account of the credentials, or create the stream: one of another region or "
            "account is not seen from here"
        )
        return NoStream(message)

    def _asked(self, operation: str, ask: Callable[[Any, Mapping[str, str]], T]) -> T:
        where = f"{operation} {self._called}"
        try:
            self._client = self._client or self._connect()
            return ask(self._client, self._name)
        except ClientError as fault:
            code = str(fault.response.get("Error", {}).get("Code", "unknown"))
            remedy, reason = _OPERATOR.get(code, "").format(operation=operation), f"{where}: {code}"
            raise Unavailable(reason, remedy or "none: it is tried again", operator=bool(remedy)) from fault
        except (BotoCoreError, KeyError, ValueError, RuntimeError) as fault:
            if not isinstance(fault, HTTPClientError):
                self._client = None  # a client looks for credentials only when it is made
                aws.forget()
            reason = f"{where}: {type(fault).__name__}{at(fault)}"
            nowhere = isinstance(fault, NoRegionError)
            remedy = "set regionName to the region of the stream" if nowhere else "none: it is tried again"
            raise Unavailable(reason, remedy, operator=nowhere) from fault

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
