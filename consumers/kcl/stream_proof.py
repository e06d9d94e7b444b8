"""Checks, before the daemon starts, that the stream exists and is the one that the application has read so far."""

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from consumers.chain.store import ObjectStore
from consumers.config.settings import Settings
from consumers.kcl.aggregates import DISTRIBUTES_ITSELF, NO_AGGREGATES
from consumers.kcl.aws import clients
from consumers.kcl.known import insist_on_the_same, known_by
from consumers.kcl.leases import checkpoints_of
from consumers.stream import StreamShards
from consumers.waiting import Log, Unavailable


def prove(settings: Settings, shards: StreamShards, store: ObjectStore | None, log: Log | None = None) -> None:
    """Check the stream. `log` receives a warning if it may not be described, or if KCL would drop aggregates.

    Raises:
        NoStream: it does not exist.
        MadeAnew: another stream has its name.
        Unavailable: Kinesis or the bucket does not answer, or refuses.

    """
    found = shards.describe()
    if found is None and log is not None:
        log.warning(
            "stream_unproven",
            reason=f"DescribeStreamSummary {settings.stream} is not allowed: a stream made anew would not be noticed",
            remedy="grant kinesis:DescribeStreamSummary on the stream: kinesis-fleet policy prints it",
        )
    if found is not None and found.distributes_itself and log is not None:
        log.warning("aggregates_at_risk", reason=DISTRIBUTES_ITSELF, remedy=NO_AGGREGATES)
    stream = known_by(found, settings.stream) if found else None
    if store is not None and stream is not None:
        insist_on_the_same(settings, store, stream, lambda: _checkpoints(settings))


def _checkpoints(settings: Settings) -> list[str] | None:
    _, dynamodb = clients(settings)
    try:
        return checkpoints_of(settings, dynamodb)
    except (BotoCoreError, ClientError, ResponseParserError, Unavailable):  # unreadable checkpoints prove nothing
        return None
