"""Names that AWS gives a form, and that several sections ask for: buckets and regions."""

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
    """Say what is wrong with a region of AWS; a service behind an endpoint of its own may call its region anything.

    No host answers for a region that is none: a typing error would be waited out as if the network were down.
    """
    if not region or endpoint or _REGION.fullmatch(region):
        return None
    return f"{region!r} is not a region such as eu-west-1. Correct it"
