"""Makes the objects that the commands work with, from the settings of a file."""

import re
from typing import Any

from consumers import aws
from consumers.config.consumer import NotForThis
from consumers.config.settings import Settings
from consumers.letters.settings import dead_letters, letter_store
from consumers.records import HOUR_MS
from consumers.redshift.copy_options import options_of
from consumers.redshift.data_api import DataApi, DataApiAccess
from consumers.redshift.database import Database
from consumers.redshift.load_place import LoadPlace
from consumers.redshift.loader import Bounds, Loader
from consumers.redshift.names import Names
from consumers.redshift.settings import SECTION, RedshiftSettings, layout_of, store_of, table_of
from consumers.search.access import secret_line_of
from consumers.waiting import Log

CONSUMER = "redshift_stage"
_MOST_FILES = {"session": 1000, "dataApi": 500}  # a batch of the Data API has 40 statements


def insist_on_redshift(settings: Settings) -> RedshiftSettings:
    """Return the section `redshift` of a file of this consumer.

    Raises:
        NotForThis: the file is of another consumer.
    """
    if settings.consumer != CONSUMER:
        message = f"{settings.path} is of {settings.consumer}, which loads nothing. Give the file of {CONSUMER}."
        raise NotForThis(message)
    section: RedshiftSettings = settings.section
    return section


def names_of(section: RedshiftSettings) -> Names:
    """Return the names of the tables, and of the staging area that they are loaded from."""
    region = section.region or (aws.region() if section.cluster_region else "")  # they may differ
    return Names(section.schema, table_of(section).name, section.bucket, section.prefix.strip("/"), region)


def database_of(section: RedshiftSettings) -> Database:
    """Return the database. No connection is opened yet.

    Raises:
        Unavailable: the password's file cannot be used.
    """
    common: dict[str, Any] = {
        "cluster": section.cluster,
        "workgroup": section.workgroup,
        "database": section.database,
        "user": section.user,
        "region": section.cluster_region,
        "statement_s": section.statement_timeout_seconds,
        "copy_s": section.load_timeout_seconds,
    }
    if section.driver == "dataApi":
        return DataApi(DataApiAccess(endpoint=section.data_api_endpoint, **common))
    try:
        from consumers.redshift.session import Session, SessionAccess  # noqa: PLC0415 - only sessions need the driver
    except ImportError as fault:
        lacks = isinstance(fault, ModuleNotFoundError)
        problem = f"{fault.name} is not installed" if lacks else f"the driver cannot be loaded ({fault})"
        message = f"{problem}: install kinesis-fleet[redshift], or set {SECTION}.driver = dataApi"
        raise NotForThis(message) from fault

    password = None
    if section.auth == "password":
        password = secret_line_of(f"{SECTION}.credentialFile", section.credential_file, "the password")
    more: dict[str, Any] = {
        "host": section.host,
        "port": section.port,
        "ca_file": section.ca_file,
        "password": password,
    }
    return Session(SessionAccess(**common, **more))


def loader_of(settings: Settings, database: Database, log: Log) -> Loader:
    """Return a loader."""
    section = insist_on_redshift(settings)
    place = LoadPlace(
        names_of(section),
        settings.application,
        layout_of(settings),
        section.bucket,
        section.iam_role,
        options_of(section.copy_options),
        section.load_timeout_seconds,
        int(section.keep_hours * HOUR_MS),
        re.sub(r"[^\x21-\x7e]", "_", settings.worker),
    )
    letters = dead_letters(section, letter_store(section, SECTION), settings.application)
    return Loader(store_of(section), database, letters, place, log)


def bounds_of(section: RedshiftSettings) -> Bounds:
    """Return the limits of a load, and how long objects may wait."""
    files = min(section.load_files, _MOST_FILES[section.driver])
    return Bounds(files, section.load_bytes, section.load_age_seconds)
