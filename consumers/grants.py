"""The permissions of a role, as IAM takes them. Each consumer lists what it needs of its destination. Pure.

Source: the actions and resources of Amazon S3, Kinesis Data Streams and DynamoDB, Service Authorization Reference; "IAM
permissions required for KCL consumer applications", Amazon Kinesis Data Streams Developer Guide.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CONSUMER, LOADER, OPERATOR = "consumer", "loader", "operator"
"""Roles: of the daemon and its shards' processes; of `redshift-load`; of operators who redrive dead letters."""

STATE = "_kinesis-fleet"
_TABLES_SUFFIXES = {"workerMetricsTableName": "-WorkerMetricStats", "coordinatorStateTableName": "-CoordinatorState"}


@dataclass(frozen=True, slots=True)
class Account:
    """The parts of an ARN besides the resource's name. `region` is the stream's."""

    partition: str
    region: str
    number: str

    def arn(self, service: str, resource: str, region: str | None = None) -> str:
        """Return the ARN of a resource in this account."""
        return f"arn:{self.partition}:{service}:{region or self.region}:{self.number}:{resource}"


@dataclass(frozen=True, slots=True)
class Grant:
    """A set of actions on a set of resources: one statement of a policy."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


Grants = Mapping[str, Sequence[Grant]]
"""The grants of each role."""


def policy(grants: Iterable[Grant]) -> dict[str, Any]:
    """Return the policy document for IAM."""
    statements = []
    for grant in grants:
        statement: dict[str, Any] = {
            "Sid": grant.sid,
            "Effect": "Allow",
            "Action": sorted(grant.actions),
            "Resource": list(dict.fromkeys(grant.resources)),
        }
        if grant.condition:
            statement["Condition"] = {operator: dict(values) for operator, values in grant.condition.items()}
        statements.append(statement)
    return {"Version": "2012-10-17", "Statement": statements}


def reading(kcl: Mapping[str, str], stream: str, application: str, account: Account) -> Iterator[Grant]:
    """Yield what KCL and `kinesis-fleet prepare`, `leases` and `hours` need: stream, lease tables, KCL's metrics."""
    at = kcl.get("streamArn") or account.arn("kinesis", f"stream/{stream}")
    calls = ("DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards")
    fan_out = kcl.get("retrievalMode", "POLLING").upper() == "FANOUT"
    on_stream = (*calls, "RegisterStreamConsumer") if fan_out else calls
    yield Grant("Stream", tuple(f"kinesis:{call}" for call in on_stream), (at,))
    if fan_out:
        pushed = ("kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard")
        yield Grant("Pushed", pushed, (f"{at}/consumer/*",))
    leases = account.arn("dynamodb", f"table/{kcl.get('tableName', application)}")
    others = [kcl.get(key, f"{application}{suffix}") for key, suffix in _TABLES_SUFFIXES.items()]
    items = ("CreateTable", "DeleteItem", "DescribeTable", "GetItem", "PutItem", "Scan", "UpdateItem")
    own: tuple[str, ...] = (*items, "UpdateTable")  # KCL adds the index of the lease table
    if kcl.get("leaseTablePitrEnabled", "").lower() == "true":
        own = (*own, "UpdateContinuousBackups")
    yield Grant("Leases", tuple(f"dynamodb:{call}" for call in own), (leases,))
    yield Grant("LeasesByOwner", ("dynamodb:Query",), (f"{leases}/index/*",))
    tables = tuple(account.arn("dynamodb", f"table/{name}") for name in others)
    yield Grant("Coordination", tuple(f"dynamodb:{call}" for call in items), tables)
    if kcl.get("metricsLevel", "SUMMARY").upper() != "NONE":
        condition = {"StringEquals": {"cloudwatch:namespace": application}}
        yield Grant("Metrics", ("cloudwatch:PutMetricData",), ("*",), condition)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket as configured, from which its grants are made. An empty `region` means the stream's."""

    name: str
    prefix: str
    sse: str = ""
    kms_key_id: str = ""
    region: str = ""

    def grants(self, sid: str, account: Account, *, removal: bool = False) -> Iterator[Grant]:
        """Yield the grants to read and write below the prefix and in `_kinesis-fleet/`, to list, and to use the key.

        `removal` also allows to delete what lies below the prefix, but not the fleet's own state. Without
        `s3:ListBucket`, S3 answers 403 instead of 404 for a missing object, and the two could not be told apart.
        """
        arn = f"arn:{account.partition}:s3:::{self.name}"
        below = f"{arn}/{self.prefix.strip('/')}/*" if self.prefix.strip("/") else f"{arn}/*"
        yield Grant(sid, ("s3:GetObject", "s3:PutObject"), (below, f"{arn}/{STATE}/*"))
        if removal:
            yield Grant(f"{sid}Removal", ("s3:DeleteObject",), (below,))
        yield Grant(f"{sid}Keys", ("s3:ListBucket",), (arn,))
        if self.sse.startswith("aws:kms"):
            yield Grant(f"{sid}Encryption", ("kms:Decrypt", "kms:GenerateDataKey"), (self._key(account),))

    def _key(self, account: Account) -> str:
        """Return the ARN of the KMS key.

        A policy cannot name an alias as a resource. For an alias, all keys of its region and account are allowed.
        """
        if not self.kms_key_id.startswith("arn:"):
            return account.arn("kms", "key/*", self.region or None)
        place, _, alias = self.kms_key_id.partition(":alias/")
        return f"{place}:key/*" if alias else self.kms_key_id
