"""The S3 archive: stores every record once, byte for byte, whatever it holds."""

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from consumers import __version__
from consumers.chain.batcher import ChainBatcher, Limits, ObjectBatch
from consumers.chain.chain import Chain
from consumers.chain.layout import Layout, layout_faults
from consumers.chain.place import ChainPlace
from consumers.config.consumer import Consumer, ShardContext
from consumers.config.places import Bucket as BucketName
from consumers.config.places import region_problem
from consumers.config.settings import Settings
from consumers.grants import CONSUMER, OPERATOR, Account, Bucket, Grants
from consumers.hours.known import WatchPlace
from consumers.hours.place import HoursPlace
from consumers.hours.reading import Horizon
from consumers.hours.watch import ShardWatch
from consumers.letters.aside import SetAside
from consumers.letters.keys import aside_place
from consumers.letters.letter import LetterHead
from consumers.letters.permit import Permit
from consumers.letters.store import DeadLetters
from consumers.objects.codecs import CODECS
from consumers.objects.writer import ObjectWriter, Place
from consumers.pipeline import Pipeline
from consumers.readiness import insist_on_conditions
from consumers.records import HOUR_MS
from consumers.s3.store import BucketAccess, S3Store
from consumers.stream import prefetch_of, shards_of, stream_of, timestamp_of

MIB = 1 << 20


class ArchiveSettings(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The keys `archive.*`."""

    bucket: BucketName
    prefix: Annotated[str, Meta(max_length=300, description="Give what all keys begin with, such as raw/events")] = ""
    partition: Annotated[
        str, Meta(min_length=1, max_length=200, description="Give a template of %Y, %m, %d and %H (UTC)")
    ] = "dt=%Y-%m-%d/hour=%H"
    compression: Annotated[
        Literal["gzip", "zstd", "bzip2", "none"], Meta(description="Give gzip, zstd, bzip2 or none")
    ] = "gzip"
    level: Annotated[int, Meta(ge=0, le=19, description="Give the compression's level; 0 is its default")] = 0
    index: Annotated[Place, Meta(description="Give inside, beside or none")] = "inside"
    max_bytes: Annotated[
        int, Meta(ge=1, le=512 * MIB, description="Give the compressed bytes at which an object is cut, up to 512 MiB")
    ] = 64 * MIB
    max_records: Annotated[
        int, Meta(ge=1, le=10_000_000, description="Give the records at which an object is cut, up to 10 million")
    ] = 1_000_000
    max_age_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="Give the seconds after which an object is cut, up to 3600")
    ] = 60.0
    endpoint: Annotated[
        str, Meta(pattern=r"^(https?://[^\s/]+/?)?$", description="Give http(s)://host[:port], or leave it out")
    ] = ""
    region: Annotated[str, Meta(pattern=r"^[a-z0-9\-]*$", description="Give the bucket's region")] = ""
    storage_class: Annotated[
        Literal["", "STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"],
        Meta(description="Give a storage class that can be read at once, or leave it out"),
    ] = ""
    sse: Annotated[
        Literal["", "AES256", "aws:kms", "aws:kms:dsse"],
        Meta(description="Give AES256, aws:kms or aws:kms:dsse, or leave it to the bucket"),
    ] = ""
    kms_key_id: Annotated[str, Meta(max_length=2048, description="Give the ARN of the KMS key")] = ""
    expected_owner: Annotated[
        str, Meta(pattern=r"^(\d{12})?$", description="Give the 12 digits of the account that owns the bucket")
    ] = ""
    retention_hours: Annotated[
        float, Meta(ge=24, le=8760, description="Give the stream's retention in hours, 24 to 8760")
    ] = 24.0
    grace_seconds: Annotated[
        float,
        Meta(
            ge=1, le=3600, description="Give the seconds after an hour's end in which records of it may come, 1 to 3600"
        ),
    ] = 60.0
    watermark_seconds: Annotated[
        float, Meta(ge=1, le=3600, description="Give the seconds between two writes of a shard's watermark, 1 to 3600")
    ] = 60.0


def _faults(settings: ArchiveSettings) -> Iterator[tuple[str, str]]:
    yield from layout_faults(settings.prefix, settings.partition)
    if problem := region_problem(settings.region, settings.endpoint):
        yield "region", problem
    codec = CODECS[settings.compression]
    if settings.level and settings.level not in codec.levels:
        yield "level", f"{settings.compression} has levels {codec.levels.start} to {codec.levels.stop - 1}"
    if settings.bucket.endswith("--x-s3"):
        yield "bucket", "directory buckets cannot list by the start of a name. Give a general purpose bucket"
    if settings.kms_key_id and not settings.sse.startswith("aws:kms"):
        yield "kmsKeyId", "has no effect without archive.sse = aws:kms"


def store_of(settings: ArchiveSettings) -> S3Store:
    """Return the archive's bucket."""
    return S3Store(
        BucketAccess(
            settings.bucket,
            settings.region,
            settings.endpoint,
            settings.storage_class,
            settings.sse,
            settings.kms_key_id,
            settings.expected_owner,
        )
    )


def layout_of(settings: Settings) -> Layout:
    """Return the configured layout of the archive."""
    archive: ArchiveSettings = settings.section
    extension = CODECS[archive.compression].extension
    return Layout(archive.prefix.strip("/"), archive.partition, settings.stream, extension)


def _probe(archive: ArchiveSettings) -> None:
    insist_on_conditions("archive", store_of(archive))


def _build(settings: Settings) -> Callable[[ShardContext], Pipeline[ObjectBatch]]:
    archive: ArchiveSettings = settings.section
    store = store_of(archive)
    codec = CODECS[archive.compression]
    layout = layout_of(settings)
    stream = stream_of(settings)
    retention_ms = int(archive.retention_hours * HOUR_MS)
    limits = Limits(archive.max_bytes, archive.max_records, archive.max_age_seconds)
    level = archive.level or codec.default_level

    writer = f"{settings.worker} {__version__}"
    shards = shards_of(settings)
    hours = HoursPlace(settings.application, stream, layout, int(archive.grace_seconds * 1000), retention_ms)
    horizon = Horizon(prefetch_of(settings.kcl), retention_ms, timestamp_of(settings.kcl))
    watched = WatchPlace(hours, horizon, writer, archive.watermark_seconds)

    def build(context: ShardContext) -> Pipeline[ObjectBatch]:
        place = ChainPlace(settings.application, context.shard, stream, layout, writer, archive.retention_hours)
        watch = ShardWatch(store, shards, watched, context)
        chain = Chain(store, place, context.start, context.log, watch)
        batcher = ChainBatcher(limits, lambda: ObjectWriter(codec, level, archive.index))
        aside = SetAside(
            DeadLetters(store, aside_place(settings.application)),
            LetterHead(settings.stream, context.shard, settings.consumer, __version__, settings.application),
            Permit(store, settings.application),
            context.log,
            context.start.checkpoint,
            watch.set_aside,
        )
        return Pipeline(batcher, chain, context.patience, watch, aside)

    return build


def _grants(settings: Settings, account: Account) -> Grants:
    archive: ArchiveSettings = settings.section
    bucket = Bucket(archive.bucket, archive.prefix, archive.sse, archive.kms_key_id, archive.region)
    return {
        CONSUMER: [*bucket.grants("Objects", account)],
        OPERATOR: [*bucket.grants("Objects", account)],
    }


S3_ARCHIVE = Consumer(
    "s3_archive",
    "archive",
    ArchiveSettings,
    _faults,
    _probe,
    _build,
    _grants,
    aside=store_of,
    state=store_of,
    anew=("prefix",),
)
