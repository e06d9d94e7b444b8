"""The keys `<section>.deadLetters.*`: the place of a consumer's dead letters."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from consumers.chain.claims import claim_folders, claim_name
from consumers.chain.store import ObjectStore
from consumers.config.places import LetterBucket, region_problem
from consumers.grants import CONSUMER, OPERATOR, Account, Bucket, Grants
from consumers.letters.keys import LetterPlace, prefix_faults
from consumers.letters.store import DeadLetters
from consumers.s3.store import BucketAccess, S3Store

KEYS = "deadLetters"


class LetterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The base of a consumer's settings if it has dead letters."""

    letters_bucket: LetterBucket = field(name=f"{KEYS}.bucket")
    letters_prefix: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=300,
            description="Give what the keys of dead letters begin with, such as dead-letters",
        ),
    ] = field(name=f"{KEYS}.prefix", default="dead-letters")
    letters_region: Annotated[str, Meta(pattern=r"^[a-z0-9\-]*$", description="Give the bucket's region")] = field(
        name=f"{KEYS}.region", default=""
    )
    letters_endpoint: Annotated[
        str, Meta(pattern=r"^(https?://[^\s/]+/?)?$", description="Give http(s)://host[:port], or leave it out")
    ] = field(name=f"{KEYS}.endpoint", default="")
    letters_sse: Annotated[
        Literal["", "AES256", "aws:kms", "aws:kms:dsse"],
        Meta(description="Give AES256, aws:kms or aws:kms:dsse, or leave it to the bucket"),
    ] = field(name=f"{KEYS}.sse", default="")
    letters_kms_key_id: Annotated[str, Meta(max_length=2048, description="Give the ARN of the KMS key")] = field(
        name=f"{KEYS}.kmsKeyId", default=""
    )
    letters_expected_owner: Annotated[
        str, Meta(pattern=r"^(\d{12})?$", description="Give the 12 digits of the account that owns the bucket")
    ] = field(name=f"{KEYS}.expectedOwner", default="")


def letter_faults(settings: LetterSettings, section: str) -> Iterator[tuple[str, str]]:
    """Yield the faults that no single key shows, as pairs of key (without section) and message."""
    for problem in prefix_faults(settings.letters_prefix):
        yield f"{KEYS}.prefix", problem
    if wrong := region_problem(settings.letters_region, settings.letters_endpoint):
        yield f"{KEYS}.region", wrong
    if settings.letters_bucket.endswith("--x-s3"):
        yield f"{KEYS}.bucket", "directory buckets do not list in order. Give a general purpose bucket"
    if settings.letters_kms_key_id and not settings.letters_sse.startswith("aws:kms"):
        yield f"{KEYS}.kmsKeyId", f"has no effect without {section}.{KEYS}.sse = aws:kms"


def letter_grants(settings: LetterSettings, application: str, account: Account) -> Grants:
    """Return the grants for the dead letters' bucket.

    None of them allows deletion: a redrive or a purge leaves an empty object.
    """
    bucket = Bucket(
        settings.letters_bucket,
        f"{settings.letters_prefix.strip('/')}/{application}",
        settings.letters_sse,
        settings.letters_kms_key_id,
        settings.letters_region,
    )
    return {
        CONSUMER: [*bucket.grants("Letters", account)],
        OPERATOR: [*bucket.grants("Letters", account)],
    }


def letter_store(settings: LetterSettings, section: str) -> S3Store:
    """Return the bucket of the dead letters. `section` is the consumer's, so that remedies name its keys."""
    return S3Store(
        BucketAccess(
            settings.letters_bucket,
            settings.letters_region,
            settings.letters_endpoint,
            sse=settings.letters_sse,
            kms_key_id=settings.letters_kms_key_id,
            expected_owner=settings.letters_expected_owner,
            keys=f"{section}.{KEYS}",
        )
    )


def dead_letters(settings: LetterSettings, store: S3Store, application: str) -> DeadLetters:
    """Return the application's dead letters in that bucket."""
    return DeadLetters(store, LetterPlace(settings.letters_prefix, application))


def claim_letters(store: ObjectStore, settings: LetterSettings, application: str, name: str, stream: str) -> None:
    """Claim the folders of an application's dead letters, and the state that is kept beside them of a stream.

    Raises:
        Parked: another application, or another stream of this name, holds them.

    """
    claim_name(store, application, name, stream)
    template = LetterPlace(settings.letters_prefix, application).template
    claim_folders(store, template, f"{application} dead letters".encode())
