"""``kinesis-fleet policy``: prints the least privileges of a role, for the names in a properties file."""

import json
from pathlib import Path

import click

from consumers import aws
from consumers.config.consumer import NotForThis
from consumers.config.settings import Settings, load
from consumers.grants import CONSUMER, LOADER, OPERATOR, Account, policy, reading
from consumers.registry import CONSUMERS

EPILOG = """\b
Examples:
  kinesis-fleet policy --account 123456789012 s3_archive.properties
  kinesis-fleet policy --account 123456789012 --role loader redshift_stage.properties
  aws iam put-role-policy --role-name archive --policy-name fleet \\
    --policy-document "$(kinesis-fleet policy --account 123456789012 s3_archive.properties)"

\b
Roles:
  consumer  for the daemon, the processes of its shards, and the commands that only read
  loader    for redshift-load
  operator  for people who redrive or purge dead letters
The command sends no request to AWS. It takes the account from streamArn if the file has it.
Exit codes: 0 done; 2 wrong usage; 78 the configuration has faults, or its consumer has no such role.
"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--role", type=click.Choice([CONSUMER, LOADER, OPERATOR]), default=CONSUMER, show_default=True, help="Role."
)
@click.option("--account", metavar="NUMBER", default=None, help="Account number, 12 digits.")
@click.option("--partition", default=None, metavar="NAME", help="Partition of the ARNs. Default: the region's.")
def command(file: Path, role: str, account: str | None, partition: str | None) -> None:
    """Print the IAM policy that FILE's consumer needs, as JSON."""
    settings = load(file, CONSUMERS)
    place = _account(settings, account, partition)
    grants = CONSUMERS[settings.consumer].grants(settings, place)
    if role not in grants:
        message = f"{settings.consumer} has no role {role}. It has: {', '.join(grants)}"
        raise NotForThis(message)
    needed = [*grants[role]]
    if role == CONSUMER:
        needed = [*reading(settings.kcl, settings.stream, settings.application, place), *needed]
    click.echo(json.dumps(policy(needed), indent=2))


def _account(settings: Settings, number: str | None, partition: str | None) -> Account:
    arn = settings.kcl.get("streamArn", "").split(":")
    named = len(arn) > 5  # noqa: PLR2004 - arn:partition:kinesis:region:account:stream/name
    number = number or (arn[4] if named else None)
    region = settings.kcl.get("regionName", "")
    if not number or not number.isdigit() or len(number) != 12:  # noqa: PLR2004 - as AWS has them
        known = f"{number!r} is no account" if number else "the account is not known"
        message = f"{known}: give --account with its 12 digits, or streamArn in FILE"
        raise click.UsageError(message)
    if not region:
        message = "the region is not known: give regionName or streamArn in FILE, or set AWS_REGION"
        raise click.UsageError(message)
    return Account(arn[1] if named else partition or aws.partition_of(region), region, number)
