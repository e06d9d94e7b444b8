"""Mistakes as they are made in the files of the real consumers: each is named once, where it is, with its remedy."""

from pathlib import Path

import pytest

from consumers.config.faults import Faults
from consumers.config.settings import load
from consumers.registry import CONSUMERS
from tests.config.sample import write

COMMON = "streamName = events\napplicationName = events-here\nregionName = eu-west-1\n"
ARCHIVE = f"{COMMON}consumer = s3_archive\narchive.bucket = my-archive\n"
INDEX = f"{COMMON}consumer = elasticsearch_index\nindex.url = https://search\nindex.deadLetters.bucket = letters\n"
TABLE = f"{COMMON}consumer = redshift_stage\nredshift.bucket = staging\nredshift.deadLetters.bucket = letters\n"


def told(folder: Path, text: str) -> list[tuple[str, str]]:
    """List the keys and the remedies of a file's faults; none is a file that may start."""
    try:
        load(write(folder, text), CONSUMERS, environment={})
    except Faults as error:
        return [(fault.key, fault.remedy) for fault in error.faults]
    return []


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (f"{TABLE}redshift.workgroup = ${{env:WORKGROUP}}\n", ["redshift.workgroup"]),
        (f"{TABLE}redshift.workgrop = events\n", ["redshift.workgrop"]),
        (f"{TABLE}redshift.workgroup = My Events\n", ["redshift.workgroup"]),
        (f"{INDEX}index.auth = apikey\nindex.credentialFile = /etc/search\n", ["index.auth"]),
        (f"{INDEX}index.auth = basic\nindex.credentialFle = /etc/search\n", ["index.credentialFle"]),
    ],
)
def test_a_value_that_is_not_known_causes_no_second_fault(tmp_path: Path, text: str, keys: list[str]) -> None:
    """What another key lacks without it may be there once it is mended: nobody is sent to mend that."""
    assert [key for key, _ in told(tmp_path, text)] == keys


def test_one_lack_is_one_fault(tmp_path: Path) -> None:
    """A cluster's or a workgroup's name leads to its host: only the name is asked for."""
    assert [key for key, _ in told(tmp_path, TABLE)] == ["redshift.cluster"]
    password = f"{TABLE}redshift.auth = password\nredshift.user = loader\nredshift.credentialFile = /etc/loader\n"
    assert [key for key, _ in told(tmp_path, password)] == ["redshift.host"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f"{ARCHIVE}archive.region = eu-west1\n", "archive.region"),
        (f"{INDEX}index.deadLetters.region = ireland\n", "index.deadLetters.region"),
        (f"{INDEX}index.auth = es\nindex.region = eu-west1\n", "index.region"),
        (f"{TABLE}redshift.cluster = c\nredshift.region = eu-west1\n", "redshift.region"),
        (f"{TABLE}redshift.cluster = c\nredshift.clusterRegion = eu-west1\n", "redshift.clusterRegion"),
    ],
)
def test_a_region_that_is_none(tmp_path: Path, text: str, key: str) -> None:
    """No host answers for it, which a start would wait out; a service of another kind may name its own."""
    assert told(tmp_path, text) == [(key, "Correct it")]
    assert told(tmp_path, f"{ARCHIVE}archive.region = garage\narchive.endpoint = http://127.0.0.1:3900\n") == []


@pytest.mark.parametrize("name", ["My_Archive", "s3://my-archive", "my-archive/raw", "a"])
def test_a_bucket_is_told_its_form(tmp_path: Path, name: str) -> None:
    """The remedy says what a name is made of."""
    ((key, remedy),) = told(tmp_path, ARCHIVE.replace("my-archive", name))
    assert key == "archive.bucket"
    assert "3 to 63 lower-case letters" in remedy


def test_a_missing_consumer_is_told_the_names(tmp_path: Path) -> None:
    """They stand in the remedy, as for a name that is none."""
    remedy = f"Write one of {', '.join(sorted(CONSUMERS))}"
    assert told(tmp_path, ARCHIVE.replace("consumer = s3_archive\n", "")) == [("consumer", remedy)]


@pytest.mark.parametrize("blank", ["\u00a0", "\u2003", "\u3000"])
def test_a_blank_that_is_no_space_is_seen_at_the_end_too(tmp_path: Path, blank: str) -> None:
    """As anywhere else in a value: pasted from a page, it stands where nobody sees it."""
    assert told(tmp_path, ARCHIVE.replace("my-archive", f"my-archive{blank}")) == [
        ("archive.bucket", "Type the line anew")
    ]
    assert told(tmp_path, ARCHIVE.replace("my-archive", "my-archive \t")) == []
