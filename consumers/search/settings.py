"""The keys `index.*`, and the rules between them."""

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from consumers.config.places import region_problem
from consumers.letters.settings import LetterSettings
from consumers.search.names import name_fault
from consumers.search.shape import Shape, conditions_of, paths_of, renames_of
from consumers.search.template import EPAS, NONE

MIB = 1 << 20
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class IndexSettings(LetterSettings, frozen=True, kw_only=True, rename="camel"):
    """The keys `index.*`."""

    url: Annotated[
        str,
        Meta(
            pattern=r"^https?://[^\s/@,]+(/[^\s@,]*)?(\s*,\s*https?://[^\s/@,]+(/[^\s@,]*)?)*$",
            description="Give https://host[:port], or several by commas, of one cluster; credentials have keys of "
            "their own",
            examples=["https://search.example:9200"],
        ),
    ]
    plain_http: Annotated[bool, Meta(description="Write true or false")] = False
    auth: Annotated[
        Literal["none", "basic", "apiKey", "es", "aoss"],
        Meta(description="Give none, basic, apiKey, or es or aoss for a signature by AWS credentials"),
    ] = "none"
    credential_file: Annotated[
        str, Meta(max_length=4096, description="Give the path of a file with user:password, or with the API key")
    ] = ""
    region: Annotated[str, Meta(pattern=r"^[a-z0-9\-]*$", description="Give the region of the AWS service")] = ""
    ca_file: Annotated[str, Meta(max_length=4096, description="Give the path of the CA's certificates, in PEM")] = ""
    client_certificate_file: Annotated[
        str, Meta(max_length=4096, description="Give the path of the client's certificate, in PEM")
    ] = ""
    client_key_file: Annotated[str, Meta(max_length=4096, description="Give the path of its key, in PEM")] = ""
    name: Annotated[
        str, Meta(min_length=1, max_length=200, description="Give a name with %Y, %m, %d and %H (UTC, of arrival)")
    ] = "player-events-%Y.%m.%d"
    data_stream: Annotated[bool, Meta(description="Write true or false")] = False
    template: Annotated[
        str, Meta(min_length=1, max_length=4096, description="Give epas, none, or the path of a JSON file")
    ] = "epas"
    keep: Annotated[str, Meta(description="Give fields by commas, such as event, payload.live")] = ""
    drop: Annotated[str, Meta(description="Give fields by commas, such as payload.userId")] = ""
    rename: Annotated[str, Meta(description="Give old:new by commas, such as sessionId:session")] = ""
    include: Annotated[str, Meta(description="Give field=value by commas, such as event=error")] = ""
    exclude: Annotated[str, Meta(description="Give field=value by commas, such as event=heartbeat")] = ""
    max_bytes: Annotated[
        int, Meta(ge=1024, le=100 * MIB, description="Give the bytes of a request before compression, up to 100 MiB")
    ] = 5 * MIB
    max_records: Annotated[int, Meta(ge=1, le=100_000, description="Give the records of a request, up to 100,000")] = (
        10_000
    )
    max_age_seconds: Annotated[
        float, Meta(ge=0, le=300, description="Give the seconds that records may wait for others, up to 300")
    ] = 1.0
    request_seconds: Annotated[
        float, Meta(ge=1, le=120, description="Give the seconds that one request may take in all, 1 to 120")
    ] = 10.0
    max_inflated_bytes: Annotated[
        int, Meta(ge=1024, le=512 * MIB, description="Give the bytes that a compressed payload may have, inflated")
    ] = 16 * MIB
    pause_share: Annotated[
        float, Meta(ge=0, lt=1, description="Give the share of rejected records above which it pauses, such as 0.5")
    ] = 0.5
    pause_records: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Give the records that such a share is taken of, at least")
    ] = 1000


def urls_of(settings: IndexSettings) -> tuple[str, ...]:
    """Return the server's addresses."""
    return tuple(url.strip().rstrip("/") for url in settings.url.split(","))


def shape_of(settings: IndexSettings) -> Shape:
    """Return how documents are changed and filtered.

    Raises:
        ValueError: the value of a key cannot be read.
    """
    return Shape(
        paths_of(settings.keep),
        paths_of(settings.drop),
        renames_of(settings.rename),
        conditions_of(settings.include),
        conditions_of(settings.exclude),
    )


_SHAPE: dict[str, tuple[Callable[[str], object], str]] = {
    "keep": (paths_of, "Give fields by commas, such as event, payload.live"),
    "drop": (paths_of, "Give fields by commas, such as payload.userId"),
    "rename": (renames_of, "Give old:new by commas, such as sessionId:session"),
    "include": (conditions_of, "Give field=value by commas, such as event=error"),
    "exclude": (conditions_of, "Give field=value by commas, such as event=heartbeat"),
}


# Text behind `#` is a comment after a field. In a value it may belong there, as in `title=Song #1`.
_COMMENTS = {key: re.compile(r"\s[#!]+\s*\S" if key in {"keep", "drop", "rename"} else r"\s#\s") for key in _SHAPE}
_KEYS = {field.name: field.encode_name for field in msgspec.structs.fields(IndexSettings)}
_FILES = ("credential_file", "ca_file", "client_certificate_file", "client_key_file")


def faults(settings: IndexSettings) -> Iterator[tuple[str, str]]:
    """List the faults that involve more than one key, or need more than a pattern, as pairs of key and message."""
    yield from _url_faults(settings)
    for key in _FILES:
        if (path := getattr(settings, key)) and not path.startswith("/"):  # not repeated: it may be the secret itself
            yield _KEYS[key], "is no absolute path. Give the path of the file, from / on"
    if settings.template not in {EPAS, NONE} and not settings.template.startswith("/"):
        yield "template", f"{settings.template} is no absolute path. Give epas, none, or a path from / on"
    yield from _auth_faults(settings)
    if problem := name_fault(settings.name):
        yield "name", problem
    elif settings.data_stream and "%" in settings.name:
        yield "name", "a data stream has one name. Write it without %Y, %m, %d and %H"
    for key, (read, remedy) in _SHAPE.items():
        if _COMMENTS[key].search(getattr(settings, key)):
            yield key, "holds a comment, and a comment stands on a line of its own. Move it to a line above"
        try:
            read(getattr(settings, key))
        except ValueError as fault:
            yield key, f"{fault}. {remedy}"


def _url_faults(settings: IndexSettings) -> Iterator[tuple[str, str]]:
    for url in urls_of(settings):
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not settings.plain_http:
            yield "url", f"{url} sends data and credentials in the clear. Write https, or index.plainHttp = true"


def _auth_faults(settings: IndexSettings) -> Iterator[tuple[str, str]]:
    by_file = settings.auth in {"basic", "apiKey"}
    if by_file and not settings.credential_file:
        what = "user:password" if settings.auth == "basic" else "the API key, as the server gave it"
        yield "credentialFile", f"is missing. Give the path of a file with {what}"
    if settings.auth in {"es", "aoss"} and not settings.region:
        yield "region", "is missing. Give the region of the service, which the signature names"
    if problem := region_problem(settings.region):
        yield "region", problem
    if settings.credential_file and not by_file:
        yield "credentialFile", f"has no effect with index.auth = {settings.auth}. Write basic or apiKey there"
    if bool(settings.client_certificate_file) != bool(settings.client_key_file):
        lacking = "clientKeyFile" if settings.client_certificate_file else "clientCertificateFile"
        yield lacking, "is missing: certificate and key go together. Give its path"
