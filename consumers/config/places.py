"""AWS names with a fixed form that several sections use: buckets and regions."""

import re
from typing import Annotated

from msgspec import Meta

_BUCKET = r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$"
_FORM = "3 to 63 lower-case letters, digits, '.' and '-', without s3:// or a folder"
_REGION = re.compile(r"[a-z]{2,8}(-[a-z0-9]+)+-\d{1,2}")


def _bucket(what: str, example: str) -> Meta:
    return Meta(pattern=_BUCKET, description=f"Give {what}: {_FORM}", examples=[example])


Bucket = Annotated[str, _bucket("the bucket's name", "my-archive")]
StagingBucket = Annotated[str, _bucket("the staging bucket's name", "my-staging-area")]
LetterBucket = Annotated[str, _bucket("the name of the bucket for dead letters", "my-dead-letters")]


def region_problem(region: str, endpoint: str = "") -> str | None:
    """Return what is wrong with an AWS region, or None. With a custom endpoint, any region is accepted.

    A region that does not exist has no host: without this check, a typing error would look like a network failure and
    be waited out.
    """
    if not region or endpoint or _REGION.fullmatch(region):
        return None
    return f"{region!r} is not a region such as eu-west-1. Correct it"
