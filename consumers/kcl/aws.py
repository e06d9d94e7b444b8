"""Access of a command to the stream and to its lease table. It does not wait; its errors give the remedy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from consumers.config.settings import Settings
from consumers.kcl.jars import Unavailable

_NO_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError, ProfileNotFound)


@contextmanager
def refusals(settings: Settings) -> Iterator[None]:
    """Convert errors of AWS in the block into the fleet's own.

    Raises:
        Unavailable: AWS refused, or was not reached. The message gives the remedy.

    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        message = f"{str(error).rstrip('.')}. {_remedy(error, settings)}."
        raise Unavailable(message) from error


def _remedy(error: BotoCoreError | ClientError, settings: Settings) -> str:
    if isinstance(error, NoRegionError):
        return "Set regionName to the region of the stream"
    if isinstance(error, _NO_CREDENTIALS):
        return "Give the host a role, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, ClientError) and _is_no_stream(error):
        key = "streamArn" if "streamArn" in settings.kcl else "streamName"
        return f"Correct {key} ({settings.stream}), or regionName: the stream is not there"
    return "Check credentials, region, endpoints and the role's permissions"


def _is_no_stream(error: ClientError) -> bool:
    missing: bool = error.response["Error"]["Code"] == "ResourceNotFoundException"
    return missing and error.operation_name == "ListShards"


def clients(settings: Settings) -> tuple[Any, Any]:
    """Return the clients of Kinesis and of DynamoDB."""
    region, kcl = settings.kcl.get("regionName"), settings.kcl
    kinesis = boto3.client("kinesis", region, endpoint_url=kcl.get("kinesisEndpoint"))
    dynamodb = boto3.client("dynamodb", region, endpoint_url=kcl.get("dynamoDBEndpoint"))
    return kinesis, dynamodb
