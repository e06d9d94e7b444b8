"""The Redshift stage: every event becomes one row in S3, which `kinesis-fleet redshift-load` copies."""

from collections.abc import Callable, Sequence

from consumers import __version__
from consumers.chain.batcher import ChainBatcher, Limits, ObjectBatch
from consumers.chain.chain import Chain
from consumers.chain.place import ChainPlace
from consumers.config.consumer import Consumer, Redrive, ShardContext
from consumers.config.settings import Settings
from consumers.documents.decode import Limits as DecodeLimits
from consumers.documents.meter import Meter
from consumers.grants import CONSUMER, LOADER, OPERATOR, Account, Bucket, Grants
from consumers.hours.known import WatchPlace
from consumers.hours.place import HoursPlace
from consumers.hours.reading import Horizon
from consumers.hours.watch import ShardWatch
from consumers.letters.aside import SetAside
from consumers.letters.breaker import Breaker
from consumers.letters.killer import finder
from consumers.letters.letter import Letter, LetterHead
from consumers.letters.permit import Permit
from consumers.letters.settings import KEYS, claim_letters, dead_letters, letter_grants, letter_store
from consumers.letters.starts import Starts, start_text
from consumers.letters.suspects import Suspects
from consumers.pipeline import Pipeline
from consumers.readiness import insist_on_conditions
from consumers.records import HOUR_MS, Record
from consumers.redshift.redrive import RedrivePlace, redrive
from consumers.redshift.rows import RowMaker
from consumers.redshift.settings import (
    SECTION,
    RedshiftSettings,
    database_grants,
    faults,
    layout_of,
    store_of,
    table_of,
)
from consumers.redshift.stage_writer import StageWriter
from consumers.redshift.staging import Stage, StageWatch
from consumers.redshift.versions import Versions
from consumers.stream import prefetch_of, shards_of, stream_of, timestamp_of


def _probe(section: RedshiftSettings) -> None:
    insist_on_conditions(SECTION, store_of(section))
    insist_on_conditions(f"{SECTION}.{KEYS}", letter_store(section, SECTION))


def _build(settings: Settings) -> Callable[[ShardContext], Pipeline[ObjectBatch]]:
    section: RedshiftSettings = settings.section
    store, letters = store_of(section), letter_store(section, SECTION)
    layout, stream, table = layout_of(settings), stream_of(settings), table_of(section)
    retention_ms = int(section.retention_hours * HOUR_MS)
    writer = f"{settings.worker} {__version__}"
    hours = HoursPlace(settings.application, stream, layout, int(section.grace_seconds * 1000), retention_ms)
    horizon = Horizon(prefetch_of(settings.kcl), retention_ms, timestamp_of(settings.kcl))
    watched = WatchPlace(hours, horizon, writer, section.watermark_seconds)
    limits = Limits(section.max_bytes, section.max_records, section.max_age_seconds)
    shards = shards_of(settings)
    versions = Versions(store, settings.application)

    def declare() -> None:
        claim_letters(letters, section, settings.application, settings.stream, stream)
        versions.declare(table)

    def build(context: ShardContext) -> Pipeline[ObjectBatch]:
        meter, clock = Meter(), context.patience.clock
        maker, head = _maker(settings, context.shard, meter), _head(settings, context.shard)
        dead, permit = dead_letters(section, letters, settings.application), Permit(letters, settings.application)
        aside = SetAside(dead, head, permit, context.log, context.start.checkpoint)
        suspects = Suspects(
            Starts(letters, settings.application, settings.stream, context.shard),
            start_text(context.start),
            maker.judge,
            maker.condemn,
            context.log,
            finder(settings.stuck_s),
        )
        watch = StageWatch(ShardWatch(store, shards, watched, context), declare, suspects, store, dead)
        place = ChainPlace(settings.application, context.shard, stream, layout, writer, section.retention_hours)
        stage = Stage(
            Chain(store, place, context.start, context.log, watch),
            permit,
            Breaker(section.pause_records, section.pause_share),
        )
        batcher = ChainBatcher(limits, lambda: StageWriter(maker.judge, table.version, head, clock, meter))
        return Pipeline(batcher, stage, context.patience, watch, aside)

    return build


def _maker(settings: Settings, shard: str, meter: Meter | None = None) -> RowMaker:
    section: RedshiftSettings = settings.section
    limits = DecodeLimits(max_inflated_bytes=section.max_inflated_bytes, inflated=(meter or Meter()).add)
    return RowMaker(settings.stream, shard, table_of(section), limits)


def _head(settings: Settings, shard: str) -> LetterHead:
    return LetterHead(settings.stream, shard, settings.consumer, __version__, settings.application)


def _redrive(settings: Settings) -> Redrive:
    section: RedshiftSettings = settings.section
    store, layout, table = store_of(section), layout_of(settings), table_of(section)
    versions, stream = Versions(store, settings.application), stream_of(settings)

    def again(shard: str, records: Sequence[Record]) -> Sequence[Letter]:
        """Stage the records that make rows by now, and return the letters of the others."""
        versions.declare(table)
        maker, head = _maker(settings, shard), _head(settings, shard)
        place = RedrivePlace(layout, stream, shard, f"{settings.worker} {__version__}")
        return redrive(store, place, records, lambda: StageWriter(maker.judge, table.version, head))

    return again


def _grants(settings: Settings, account: Account) -> Grants:
    section: RedshiftSettings = settings.section
    letters = letter_grants(section, settings.application, account)
    staged = Bucket(section.bucket, section.prefix, section.sse, section.kms_key_id, section.region)
    staging = [*staged.grants("Staged", account)]
    return {
        CONSUMER: [*staging, *letters[CONSUMER]],
        LOADER: [
            *staged.grants("Staged", account, removal=True),
            *letters[CONSUMER],
            *database_grants(section, account),
        ],
        OPERATOR: [*staging, *letters[OPERATOR], *database_grants(section, account)],
    }


REDSHIFT_STAGE = Consumer(
    "redshift_stage",
    SECTION,
    RedshiftSettings,
    faults,
    _probe,
    _build,
    _grants,
    _redrive,
    state=store_of,
    anew=("prefix",),
)
