"""The keys `redshift.*`. One file configures staging and loading, so that both use the same place and table."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from consumers.chain.layout import Layout, layout_faults
from consumers.config.places import StagingBucket, region_problem
from consumers.config.settings import Settings
from consumers.grants import Account, Grant
from consumers.letters.settings import LetterSettings, letter_faults
from consumers.objects.codecs import CODECS
from consumers.redshift.copy_options import option_faults
from consumers.redshift.table import Table, WrongTable, parse_table
from consumers.redshift.windows import WrongWindow, windows_of
from consumers.s3.store import BucketAccess, S3Store

SECTION = "redshift"
EPAS = "epas"
PARTITION = "dt=%Y-%m-%d/hour=%H"
MIB = 1 << 20
_IDENTIFIER = r"^[a-z_][a-z0-9_]{0,126}$"


class RedshiftSettings(LetterSettings, frozen=True, kw_only=True, rename="camel"):
    """The keys `redshift.*`."""

    bucket: StagingBucket
    prefix: Annotated[
        str, Meta(min_length=1, max_length=300, description="Give what the keys of staged objects begin with")
    ] = "staged"
    region: Annotated[str, Meta(pattern=r"^[a-z0-9\-]*$", description="Give the bucket's region")] = ""
    endpoint: Annotated[
        str, Meta(pattern=r"^(https?://[^\s/]+/?)?$", description="Give http(s)://host[:port], or leave it out")
    ] = ""
    sse: Annotated[
        Literal["", "AES256", "aws:kms", "aws:kms:dsse"],
        Meta(description="Give AES256, aws:kms or aws:kms:dsse, or leave it to the bucket"),
    ] = ""
    kms_key_id: Annotated[str, Meta(max_length=2048, description="Give the ARN of the KMS key")] = ""
    expected_owner: Annotated[
        str, Meta(pattern=r"^(\d{12})?$", description="Give the 12 digits of the account that owns the bucket")
    ] = ""
    table: Annotated[
        str, Meta(min_length=1, max_length=4096, description="Give epas, or the path of a table file from / on")
    ] = EPAS
    max_bytes: Annotated[
        int, Meta(ge=1, le=64 * MIB, description="Give the compressed bytes at which an object is cut, up to 64 MiB")
    ] = 16 * MIB
    max_records: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Give the records at which an object is cut, up to a million")
    ] = 500_000
    max_age_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="Give the seconds after which an object is cut, up to 3600")
    ] = 60.0
    max_inflated_bytes: Annotated[
        int, Meta(ge=1024, le=512 * MIB, description="Give the bytes that a compressed payload may have, inflated")
    ] = 16 * MIB
    pause_share: Annotated[
        float, Meta(ge=0, lt=1, description="Give the share of rejected records above which it pauses, such as 0.5")
    ] = 0.5
    pause_records: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Give the records that such a share is taken of, at least")
    ] = 1000
    retention_hours: Annotated[
        float, Meta(ge=24, le=8760, description="Give the stream's retention in hours, 24 to 8760")
    ] = 24.0
    grace_seconds: Annotated[
        float,
        Meta(ge=1, le=3600, description="Give the seconds after an hour's end in which records of it may come"),
    ] = 60.0
    watermark_seconds: Annotated[
        float, Meta(ge=1, le=3600, description="Give the seconds between two writes of a shard's watermark, 1 to 3600")
    ] = 60.0
    keep_hours: Annotated[
        float, Meta(ge=48, le=87_600, description="Give the hours that loaded objects stay, 48 to 87600")
    ] = 168.0

    driver: Annotated[
        Literal["session", "dataApi"], Meta(description="Give session, or dataApi where no connection can be made")
    ] = "session"
    host: Annotated[str, Meta(pattern=r"^[A-Za-z0-9.\-]*$", description="Give the host of the cluster's endpoint")] = ""
    port: Annotated[int, Meta(ge=1, le=65_535, description="Give the port, 1 to 65535")] = 5439
    database: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_$\-]{1,127}$",
            description="Give the database's name: letters, digits, '_', '$' and '-'",
        ),
    ] = "dev"
    user: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_.@+:\-]{0,127}$",
            description="Give the database user: letters, digits and _ . @ + : -",
        ),
    ] = ""
    auth: Annotated[
        Literal["iam", "password"], Meta(description="Give iam for temporary credentials of the role, or password")
    ] = "iam"
    credential_file: Annotated[str, Meta(max_length=4096, description="Give the path of a file with the password")] = ""
    cluster: Annotated[
        str, Meta(pattern=r"^[a-z0-9\-]*$", description="Give the identifier of a provisioned cluster")
    ] = ""
    workgroup: Annotated[
        str,
        Meta(
            pattern=r"^([a-z0-9\-]{3,64})?$",
            description="Give the workgroup of Redshift Serverless",
            examples=["my-workgroup"],
        ),
    ] = ""
    cluster_region: Annotated[str, Meta(pattern=r"^[a-z0-9\-]*$", description="Give the cluster's region")] = ""
    ca_file: Annotated[str, Meta(max_length=4096, description="Give the path of the CA's certificates, in PEM")] = ""
    data_api_endpoint: Annotated[
        str, Meta(pattern=r"^(https?://[^\s/]+/?)?$", description="Give http(s)://host[:port], or leave it out")
    ] = ""
    schema: Annotated[
        str, Meta(pattern=_IDENTIFIER, description="Give the schema: lower-case letters, digits and _, no digit first")
    ] = "public"
    iam_role: Annotated[
        str,
        Meta(
            pattern=r"^(default|arn:[\w+=,.@:/\-]+(,arn:[\w+=,.@:/\-]+)*)$",
            description="Give default, or the ARN of the role that COPY reads the bucket with",
        ),
    ] = "default"
    copy_options: Annotated[str, Meta(max_length=1000, description="Give options of COPY, such as STATUPDATE OFF")] = ""
    load_files: Annotated[int, Meta(ge=1, le=1000, description="Give the objects of a load at most, 1 to 1000")] = 200
    load_bytes: Annotated[
        int, Meta(ge=1, le=1 << 40, description="Give the compressed bytes of a load at most, up to a TiB")
    ] = 4 << 30
    load_age_seconds: Annotated[
        float, Meta(ge=0, le=86_400, description="Give the seconds that staged objects may wait for others")
    ] = 60.0
    load_timeout_seconds: Annotated[
        int, Meta(ge=1, le=86_400, description="Give the seconds that COPY may take, up to 86400")
    ] = 1800
    statement_timeout_seconds: Annotated[
        int, Meta(ge=1, le=3600, description="Give the seconds that any other statement may take, up to 3600")
    ] = 60
    no_load: Annotated[
        str, Meta(max_length=1000, description="Give windows such as 0 3 * * * for 2h; 30 12 * * 1 for 45m")
    ] = ""


def faults(settings: RedshiftSettings) -> Iterator[tuple[str, str]]:
    """List the faults that involve more than one key, or need more than a pattern, as pairs of key and message."""
    yield from letter_faults(settings, SECTION)
    yield from (fault for fault in layout_faults(settings.prefix, PARTITION) if fault[0] == "prefix")
    if problem := region_problem(settings.region, settings.endpoint):
        yield "region", problem
    if problem := region_problem(settings.cluster_region, settings.data_api_endpoint):
        yield "clusterRegion", problem
    if settings.bucket.endswith("--x-s3"):
        yield "bucket", "directory buckets cannot list by the start of a name. Give a general purpose bucket"
    if settings.kms_key_id and not settings.sse.startswith("aws:kms"):
        yield "kmsKeyId", f"has no effect without {SECTION}.sse = aws:kms"
    if settings.keep_hours < 2 * settings.retention_hours:
        yield "keepHours", "is less than twice retentionHours: an object must outlive whatever may be delivered again"
    try:
        table_of(settings)
    except WrongTable as fault:
        yield "table", str(fault)
    yield from option_faults(settings.copy_options, settings.region)
    try:
        windows_of(settings.no_load)
    except WrongWindow as fault:
        yield "noLoad", str(fault)
    yield from _connection_faults(settings)


def _connection_faults(settings: RedshiftSettings) -> Iterator[tuple[str, str]]:
    for key, path in (("credentialFile", settings.credential_file), ("caFile", settings.ca_file)):
        if path and not path.startswith("/"):  # not repeated: it may be the secret itself
            yield key, "is no absolute path. Give the path of the file, from / on"
    if settings.cluster and settings.workgroup:
        yield "workgroup", "stands beside cluster. Give one of them"
    by_name = bool(settings.cluster or settings.workgroup)
    if settings.driver == "dataApi" and not by_name:
        yield "cluster", "is missing, which the Data API is asked by. Give it, or workgroup"
    if settings.driver == "session":
        if not settings.host and settings.auth == "password":  # with iam, AWS returns the host
            yield "host", "is missing. Give the host of the cluster's endpoint, without port and database"
        if settings.auth == "iam" and not by_name:
            yield "cluster", "is missing, which auth = iam asks for temporary credentials. Give it, or workgroup"
        if settings.auth == "password" and not (settings.user and settings.credential_file):
            yield "credentialFile", "is missing, or user is: auth = password needs both"


def database_grants(settings: RedshiftSettings, account: Account) -> Iterator[Grant]:
    """Yield the IAM grants for access to the database: temporary credentials, and the Data API's calls."""
    region = settings.cluster_region or None
    cluster = account.arn("redshift", f"cluster:{settings.cluster}", region)
    # A workgroup's ARN has an identifier that the configuration does not have.
    workgroup = account.arn("redshift-serverless", "workgroup/*", region)
    if settings.auth == "iam" and settings.cluster:
        names = [f"dbuser:{settings.cluster}/{settings.user or '*'}", f"dbname:{settings.cluster}/{settings.database}"]
        resources = tuple(account.arn("redshift", name, region) for name in names)
        yield Grant("Login", ("redshift:GetClusterCredentials",), resources)
        yield Grant("Endpoint", ("redshift:DescribeClusters",), (cluster,))
    elif settings.auth == "iam" and settings.workgroup:
        calls = ("redshift-serverless:GetCredentials", "redshift-serverless:GetWorkgroup")
        yield Grant("Login", calls, (workgroup,))
    if settings.driver == "dataApi":
        sent = ("redshift-data:BatchExecuteStatement", "redshift-data:ExecuteStatement")
        yield Grant("Statements", sent, (cluster if settings.cluster else workgroup,))
        asked = ("CancelStatement", "DescribeStatement", "GetStatementResult")
        own = {"StringEquals": {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}}
        yield Grant("Answers", tuple(f"redshift-data:{call}" for call in asked), ("*",), own)


def table_of(settings: RedshiftSettings) -> Table:
    """Read the table file.

    Raises:
        WrongTable: it cannot be read, or cannot be used.
    """
    if settings.table != EPAS and not settings.table.startswith("/"):
        message = f"{settings.table[:200]} is no absolute path. Give epas, or a path from / on"
        raise WrongTable(message)
    path = Path(__file__).with_name("tables") / "epas.toml" if settings.table == EPAS else Path(settings.table)
    try:
        return parse_table(path.read_text(encoding="utf-8-sig"))
    except WrongTable as fault:
        message = f"{path} {fault}"
        raise WrongTable(message) from fault
    except (OSError, UnicodeDecodeError) as fault:
        message = f"{path} cannot be read ({type(fault).__name__}). Name a readable table file in UTF-8"
        raise WrongTable(message) from fault


def store_of(settings: RedshiftSettings, *, connections: int = 1) -> S3Store:
    """Return the staging bucket."""
    return S3Store(
        BucketAccess(
            settings.bucket,
            settings.region,
            settings.endpoint,
            sse=settings.sse,
            kms_key_id=settings.kms_key_id,
            expected_owner=settings.expected_owner,
            connections=connections,
            keys=SECTION,
        )
    )


def layout_of(settings: Settings) -> Layout:
    """Return the layout of the staged objects."""
    section: RedshiftSettings = settings.section
    return Layout(section.prefix.strip("/"), PARTITION, settings.stream, CODECS["gzip"].extension)
