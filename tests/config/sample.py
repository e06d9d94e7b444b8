"""A consumer with a small section, and ways to write and load a file for it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from consumers.config.consumer import Consumer
from consumers.config.faults import Fault, Faults
from consumers.config.settings import Settings, load

MINIMAL = {
    "consumer": "sample",
    "streamName": "events",
    "applicationName": "events-sample",
    "sample.bucket": "a-bucket",
}


class SampleSettings(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The section ``sample.*``."""

    bucket: Annotated[str, Meta(pattern=r"^[a-z-]+$", description="Name a bucket")]
    max_bytes: Annotated[int, Meta(gt=0, le=100, description="Give 1 to 100")] = 10
    max_age_seconds: float = 60.0
    strict: bool = False


def _faults(settings: SampleSettings) -> Iterator[tuple[str, str]]:
    if settings.strict and settings.max_bytes > 50:
        yield "maxBytes", "is too much for strict. Lower it to 50"


SAMPLE = Consumer("sample", "sample", SampleSettings, _faults, print, print)
OTHER = Consumer("other", "other", SampleSettings, _faults, print, print)
CONSUMERS = {consumer.name: consumer for consumer in (SAMPLE, OTHER)}


def write(folder: Path, text: str) -> Path:
    """Write ``text`` as a properties file."""
    path = folder / "sample.properties"
    path.write_text(text, encoding="utf-8")
    return path


def lines(changes: Mapping[str, str | None]) -> str:
    """Write the minimal file with ``changes``; None takes a key away."""
    merged = {**MINIMAL, **changes}
    return "".join(f"{key} = {value}\n" for key, value in merged.items() if value is not None)


def settings(folder: Path, changes: Mapping[str, str | None] | None = None) -> Settings:
    """Load the minimal file with ``changes``."""
    return load(write(folder, lines(changes or {})), consumers=CONSUMERS, environment={})


def refused(
    folder: Path,
    text: str,
    environment: Mapping[str, str] | None = None,
) -> tuple[Fault, ...]:
    """List the faults of a file that must not load."""
    try:
        load(write(folder, text), consumers=CONSUMERS, environment=environment or {})
    except Faults as error:
        return error.faults
    message = "the file was accepted"
    raise AssertionError(message)
