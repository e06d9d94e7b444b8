"""The keys `index.*`: what would send data in the clear, or lose it, is refused before the daemon starts."""

from typing import Any

import msgspec
import pytest

from consumers.search.settings import IndexSettings, faults, shape_of, urls_of
from consumers.search.shape import Condition


def settings(**keys: Any) -> IndexSettings:
    """Read keys as the properties file gives them."""
    values = {"url": "https://search.example", "deadLetters.bucket": "letters", **keys}
    return msgspec.convert(values, IndexSettings, strict=False)


def wrong(**keys: Any) -> list[str]:
    """Name the keys at which a fault is found, and see that each says what to do."""
    found = list(faults(settings(**keys)))
    assert all(len(message) > 20 for _, message in found)
    return [key for key, _ in found]


def test_an_address_and_a_bucket_are_enough() -> None:
    """Everything else has a default."""
    assert wrong() == []
    assert shape_of(settings()).changes is False


def test_several_addresses_of_one_cluster() -> None:
    """By commas, without trailing slashes."""
    assert urls_of(settings(url="https://a:9200/ , https://b/x/")) == ("https://a:9200", "https://b/x")


@pytest.mark.parametrize(
    "url", ["search.example", "ftp://a", "https://", "https://user:secret@a", "https://a,", "https://a b"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """Credentials too: they have keys of their own."""
    with pytest.raises(msgspec.ValidationError):
        settings(url=url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://search.example", ["url"]),
        ("https://a, http://b", ["url"]),
        ("http://localhost:9200", []),
        ("http://127.0.0.1:9200", []),
        ("http://[::1]:9200", []),
        ("http://localhost.example", ["url"]),
    ],
)
def test_plain_http_leaves_the_host_only_on_purpose(url: str, expected: list[str]) -> None:
    """Each address counts."""
    assert wrong(url=url) == expected
    assert wrong(url=url, plainHttp="true") == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"auth": "basic"}, ["credentialFile"]),
        ({"auth": "apiKey"}, ["credentialFile"]),
        ({"auth": "basic", "credentialFile": "/f"}, []),
        ({"auth": "none", "credentialFile": "/f"}, ["credentialFile"]),
        ({"auth": "es"}, ["region"]),
        ({"auth": "aoss", "region": "eu-west-1"}, []),
        ({"clientKeyFile": "/k"}, ["clientCertificateFile"]),
        ({"clientCertificateFile": "/c"}, ["clientKeyFile"]),
        ({"clientCertificateFile": "/c", "clientKeyFile": "/k"}, []),
        ({"auth": "basic", "credentialFile": "user:hunter2"}, ["credentialFile"]),
        ({"caFile": "ca.pem"}, ["caFile"]),
        ({"template": "mine.json"}, ["template"]),
    ],
)
def test_credentials_are_whole_or_absent(keys: dict[str, str], expected: list[str]) -> None:
    """Half of them would fail at the first request, hours after the deployment."""
    assert wrong(**keys) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"name": "Events"}, ["name"]),
        ({"name": "e-%j"}, ["name"]),
        ({"name": "e-%Y", "dataStream": "true"}, ["name"]),
        ({"name": "e", "dataStream": "true"}, []),
        ({"keep": "a..b"}, ["keep"]),
        ({"drop": "."}, ["drop"]),
        ({"rename": "a"}, ["rename"]),
        ({"include": "a"}, ["include"]),
        ({"exclude": "=b", "keep": "."}, ["keep", "exclude"]),
    ],
)
def test_names_and_shapes_are_read_at_once(keys: dict[str, str], expected: list[str]) -> None:
    """All faults together."""
    assert wrong(**keys) == expected


def test_a_shape_is_what_its_keys_say() -> None:
    """Each key in its place."""
    shape = shape_of(settings(keep="a", drop="b.c", rename="d:e.f", include="g=1", exclude="h=x"))
    assert (shape.keep, shape.drop, shape.rename) == ((("a",),), (("b", "c"),), ((("d",), ("e", "f")),))
    assert (shape.include, shape.exclude) == ((Condition(("g",), "1"),), (Condition(("h",), "x"),))


@pytest.mark.parametrize(
    "keys", [{"pauseShare": "1"}, {"maxBytes": "1"}, {"auth": "digest"}, {"requestSeconds": "0"}, {"maxRecords": "0"}]
)
def test_values_beyond_their_bounds_are_refused(keys: dict[str, str]) -> None:
    """A share of 1 would never pause, a time of 0 never answer."""
    with pytest.raises(msgspec.ValidationError):
        settings(**keys)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("drop", '"payload.userId"'),
        ("drop", "payload.userId, 'ip'"),
        ("keep", "payload. live"),
        ("drop", "payload.userId # personal"),
        ("drop", "payload.userId #personal, ip"),
        ("rename", "a:b ! old"),
        ("rename", '"a":"b"'),
        ("exclude", 'event="heartbeat"'),
        ("exclude", "event=heartbeat # noise"),
        ("include", "'event'=play"),
    ],
)
def test_what_would_name_nothing_is_refused(key: str, value: str) -> None:
    """Quotes and comments would be parts of names: what is to be dropped would stay, without a word."""
    assert wrong(**{key: value}) == [key]


@pytest.mark.parametrize(
    ("key", "value"),
    [("include", "title=Song #1"), ("drop", "Order #"), ("exclude", 'title=a "b" c'), ("keep", "user agent, #")],
)
def test_signs_in_names_and_values_are_taken(key: str, value: str) -> None:
    """Fields and values of people's events have them."""
    assert wrong(**{key: value}) == []
