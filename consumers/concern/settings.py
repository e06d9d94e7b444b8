"""The keys that all such concerns have: for batches, pauses and dead letters."""

from typing import Annotated

from msgspec import Meta

from consumers.letters.settings import LetterSettings


class ConcernSettings(LetterSettings, frozen=True, kw_only=True, rename="camel"):
    """The base class of a concern's settings."""

    max_records: Annotated[
        int, Meta(ge=1, le=100_000, description="Give the most records of a batch, up to 100000")
    ] = 500
    max_bytes: Annotated[
        int, Meta(ge=1, le=1 << 30, description="Give the bytes of payload that close a batch, up to 1 GiB")
    ] = 4 << 20
    max_age_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="Give the seconds after which a batch is written, up to 3600")
    ] = 1.0
    pause_records: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Give how many records are evidence, up to 1000000")
    ] = 1000
    pause_share: Annotated[
        float, Meta(ge=0, lt=1, description="Give the share of them that may be rejected, below 1")
    ] = 0.5
