"""The bucket, the layouts and the hours that `audit` and `hours` work with, from the settings."""

from dataclasses import replace

import click

from consumers.chain.claims import folder_key, template_of
from consumers.chain.layout import Layout
from consumers.chain.origin import owner_key, owner_of, records_of
from consumers.chain.store import ObjectStore
from consumers.config.consumer import NotForThis
from consumers.config.settings import Settings
from consumers.hours.place import HoursPlace
from consumers.hours.times import hour_text, parse_hour
from consumers.records import HOUR_MS
from consumers.redshift import settings as staging
from consumers.redshift.settings import RedshiftSettings
from consumers.s3.store import S3Store
from consumers.s3_archive import S3_ARCHIVE, ArchiveSettings, layout_of, store_of
from consumers.stream import stream_of

_ATTEMPTS = 5


class WrongHour(Exception):
    """A text does not name an hour."""

    exit_code = 2


def store_for(settings: Settings, connections: int) -> S3Store:
    """Open the archive's bucket, for a command that gives up after a few attempts.

    Raises:
        NotForThis: the consumer has no archive.
    """
    if settings.consumer != S3_ARCHIVE.name:
        message = f"{settings.path} is of {settings.consumer}, which keeps no archive. Give the file of s3_archive."
        raise NotForThis(message)
    archive: ArchiveSettings = settings.section
    return S3Store(replace(store_of(archive).access, connections=connections, attempts=_ATTEMPTS))


def hours_of(settings: Settings) -> HoursPlace:
    """Return the place of the hours of an archive or a staging area."""
    section: ArchiveSettings | RedshiftSettings = settings.section
    layout = staging.layout_of(settings) if isinstance(section, RedshiftSettings) else layout_of(settings)
    grace_ms, retention_ms = int(section.grace_seconds * 1000), int(section.retention_hours * HOUR_MS)
    return HoursPlace(settings.application, stream_of(settings), layout, grace_ms, retention_ms)


def hours_store_for(settings: Settings) -> S3Store:
    """Open the bucket in which this consumer's hours are decided, as `store_for` does.

    Raises:
        NotForThis: the consumer decides no hours.
    """
    if not isinstance(settings.section, RedshiftSettings):
        return store_for(settings, 1)
    return S3Store(replace(staging.store_of(settings.section).access, attempts=_ATTEMPTS))


def refuse_another(store: ObjectStore, place: HoursPlace) -> None:
    """Check that the prefix belongs to this application: another one's hours prove nothing about it.

    Raises:
        NotForThis: it belongs to another application.
    """
    for key in (owner_key(place.layout.prefix), folder_key(template_of(place.layout))):
        found = store.find(key)
        if found is not None and found.body != owner_of(place.application, place.stream):
            owner = found.body[:300].decode(errors="replace")
            message = f"prefix {place.layout.prefix!r} belongs to {owner}, says {key}. Give its file."
            raise NotForThis(message)


def layouts_of(store: ObjectStore, place: HoursPlace) -> tuple[Layout, ...]:
    """List all layouts that the archive was written in, the present one first."""
    found = {place.layout: None}
    for record in records_of(store, place.application, place.layout.stream):
        found |= dict.fromkeys((record.layout, *record.former))
    return tuple(found)


def hour_given(text: str, option: str, of_day: int) -> int:
    """Parse an hour from the command line: 2026-01-31T23, or a day, which stands for its hour `of_day`.

    Raises:
        WrongHour: it is neither.
    """
    for form in (text, f"{text}T{of_day:02d}"):
        try:
            return parse_hour(form)
        except ValueError:
            continue
    message = f"{option} {text!r} is no hour. Give it in UTC, such as 2026-01-31T23, or as a day"
    raise WrongHour(message)


def hours_given(first: str, last: str, default: tuple[int, int]) -> tuple[int, int]:
    """Parse `--from` and `--to`, both included, by their first millisecond.

    Without both, return the default. With `--to` alone, the range has 24 hours; with `--from` alone, it ends with the
    default.

    Raises:
        WrongHour: one is no hour.
        click.UsageError: they are in the wrong order.
    """
    if not first and not last:
        return default
    last_ms = hour_given(last, "--to", 23) if last else default[1]
    first_ms = hour_given(first, "--from", 0) if first else last_ms - 23 * HOUR_MS
    if first_ms > last_ms:
        message = f"--from {hour_text(first_ms)} is after --to {hour_text(last_ms)}. Give --to too"
        raise click.UsageError(message)
    return first_ms, last_ms
