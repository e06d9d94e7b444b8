"""Which options of COPY an operator may add, and that nothing else hides in them."""

import msgspec
import pytest

from consumers import aws
from consumers.redshift.copy_options import option_faults, options_of
from consumers.redshift.names import Names
from consumers.redshift.opening import names_of
from consumers.redshift.settings import RedshiftSettings
from consumers.redshift.transaction import Copy, copy_statement


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("", ""),
        ("  ", ""),
        ("STATUPDATE OFF", "STATUPDATE OFF"),
        ("statupdate\n  on   compupdate preset", "statupdate on compupdate preset"),
        ("REGION 'eu-west-1'", "REGION 'eu-west-1'"),
        ("region as 'eu-west-1' EXPLICIT_IDS", "region as 'eu-west-1' EXPLICIT_IDS"),
    ],
)
def test_harmless_options_are_kept(given: str, written: str) -> None:
    """On one line, and otherwise as they were written."""
    assert options_of(given) == written


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("MAXERROR 10", "may not hold MAXERROR: it is 0: a row that COPY skips would be lost. Leave it out"),
        ("maxerror as 10", "may not hold MAXERROR"),
        ("IGNOREALLERRORS", "may not hold IGNOREALLERRORS"),
        ("NOLOAD", "may not hold NOLOAD"),
        ("ACCEPTINVCHARS '?'", "may not hold ACCEPTINVCHARS"),
        ("MANIFEST", "may not hold MANIFEST"),
        ("IAM_ROLE 'arn:aws:iam::1:role/x'", "redshift.iamRole says it"),
        ("ACCESS_KEY_ID 'a' SECRET_ACCESS_KEY 'b'", "no secrets in SQL"),
        ("TRUNCATECOLUMNS", "which changes values unseen: let the table file's columns say it"),
        ("STATUPDATE ON emptyasnull", "may not hold EMPTYASNULL"),
        ("JSON 'auto'", "may not hold JSON"),
        ("FILLRECORD", "FILLRECORD is not known. Give COMPUPDATE"),
        ("STATUPDATE", "STATUPDATE has no such value as ''"),
        ("STATUPDATE PRESET", "STATUPDATE has no such value as 'PRESET'"),
        ("COMPUPDATE 1", "COMPUPDATE has no such value as '1'"),
        ("STATUPDATE ON STATUPDATE OFF", "STATUPDATE stands there twice. Leave one out"),
        ("REGION 'eu'; DROP TABLE x", "cannot be read from '; DROP TABLE x' on"),
        ("REGION 'a' || 'b'", "cannot be read from"),
        ("REGION 'a''b'", "cannot be read from"),
        ("STATUPDATE ON -- x", "cannot be read from '-- x' on"),
        ("STATUPDATE ON /* x */", "cannot be read from '/* x */' on"),
        ("STATUPDATE\0ON", "has no such value"),
    ],
)
def test_others_are_refused_with_what_to_do(given: str, told: str) -> None:
    """Nothing loses or changes a row unseen, holds a secret, or ends the statement and begins another."""
    faults = [*option_faults(given)]
    assert {key for key, _ in faults} == {"copyOptions"}
    assert told in faults[0][1]
    with pytest.raises(ValueError, match=r".") as raised:
        options_of(given)
    assert str(raised.value) == faults[0][1]


def test_a_secret_is_not_repeated() -> None:
    """What was given as a key's value does not stand in the message."""
    assert not [1 for _, message in option_faults("SECRET_ACCESS_KEY 'hunter2'") if "hunter2" in message]


def test_the_region_of_the_bucket_is_told() -> None:
    """COPY looks in the cluster's own region otherwise, and finds no such bucket."""
    here = Names("public", "events", "bucket", "staged", "eu-west-1")

    def copied(names: Names, options: str) -> str:
        return copy_statement(names, Copy("s3://bucket/m", ("a",), "default", options, 60)).partition(" MAXERROR 0")[2]

    assert copied(here, "STATUPDATE OFF") == " STATUPDATE OFF REGION 'eu-west-1'"
    assert copied(here, "region as 'eu-west-1'") == " region as 'eu-west-1'"
    assert copied(here._replace(region=""), "") == ""


def test_two_regions_are_refused() -> None:
    """One of them is not the bucket's."""
    (fault,) = option_faults("REGION 'eu-west-2'", "eu-west-1")
    assert fault == ("copyOptions", "REGION is eu-west-2, and redshift.region eu-west-1. Delete one of the two")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"region": "eu-west-1"}, "eu-west-1"),
        ({"clusterRegion": "us-east-1"}, "eu-west-2"),
        ({"clusterRegion": "us-east-1", "region": "eu-west-1"}, "eu-west-1"),
        ({}, ""),
    ],
)
def test_a_bucket_without_a_region_lies_in_that_of_the_environment(
    keys: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster that is told another region looks for it there; one that is not is in the same."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    aws.forget()
    given = {"bucket": "staging", "deadLetters.bucket": "letters", "workgroup": "events", **keys}
    assert names_of(msgspec.convert(given, RedshiftSettings, strict=False)).region == told
    aws.forget()
