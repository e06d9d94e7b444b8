"""Checks that an answer of S3 proves what the caller relies on. Pure; each returns what is wrong, or "".

Load balancers, gateways and caches answer 200 too, in the place of S3. So an answer is accepted only if it contains
what an object store alone can know: a digest of the bytes it has read, or which object it is about. Sources: the pages
of the operations in the Amazon S3 API reference, and its "Checking object integrity" and "Common response headers".
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

Answer = Mapping[str, Any]

_OK, _NO_CONTENT = 200, 204
_VERSION = re.compile(r'"[^"\s]+"')
_MD5 = re.compile(r'"[0-9a-f]{32}"')
_IDS = frozenset({"x-amz-request-id", "x-amzn-requestid"})
_BODY_BYTES = "BodyBytes"
_TYPES: Mapping[str, type] = {"Key": str, "Size": int, "ETag": str}


def note_body(http_response: Any, parsed: dict[str, Any], **_: object) -> None:  # noqa: ANN401 - botocore's
    """Store the length of an answer's body, for an answer that should have none. A handler of `after-call`."""
    parsed.setdefault("ResponseMetadata", {})[_BODY_BYTES] = len(http_response.content)


def stored(answer: Answer, body: bytes, sha256: bytes) -> str:
    """Check the answer to a PUT: it must prove by a digest that the bytes have arrived.

    S3 repeats the SHA-256 that was sent. Stores that do not have the MD5 as the ETag.
    """
    if wrong := _no(answer, _OK) or _no_version(answer):
        return wrong
    if answer["ResponseMetadata"].get(_BODY_BYTES):
        return "HTTP 200 with a body, which S3 never sends"
    if repeated := answer.get("ChecksumSHA256"):
        return "" if repeated == base64.b64encode(sha256).decode() else "HTTP 200 with the digest of other bytes"
    return "" if answer["ETag"] == _md5(body) else "HTTP 200 without a digest of what was sent"


def removed(answer: Answer) -> str:
    """Check the answer to a DELETE."""
    return _no(answer, _NO_CONTENT)


def described(answer: Answer) -> str:
    """Check the answer to a HEAD."""
    if wrong := _no(answer, _OK) or _no_version(answer):
        return wrong
    return "" if isinstance(answer.get("ContentLength"), int) else "HTTP 200 without a Content-Length"


def read(answer: Answer, size: int, body: bytes | None = None) -> str:
    """Check the answer to a GET whose body has `size` bytes. `body`, if given, must match the ETag."""
    if wrong := described(answer):
        return wrong
    if size != answer["ContentLength"]:
        return f"HTTP 200 with {size} of {answer['ContentLength']} bytes"
    if body is not None and _is_md5(answer) and answer["ETag"] != _md5(body):
        return "HTTP 200 with other bytes than those of its ETag"
    return ""


def listed(answer: Answer, prefix: str, token: str, last: str) -> str:
    """Check a page of a listing.

    `token` is the continuation token of the request, and `last` the last key of the page before; both may be empty. A
    page that lacks something must not be taken for the absence of objects.
    """
    entries = answer.get("Contents", ())
    if (wrong := _no(answer, _OK)) or answer.get("KeyCount") != len(entries):
        return wrong or "the answer is no listing, or lacks a part of it"
    if not isinstance(answer.get("IsTruncated"), bool):
        return "the listing does not say whether there is more"
    if answer["IsTruncated"] and answer.get("NextContinuationToken", "") in {"", token}:
        return "the listing does not say where it goes on"
    if answer.get("Prefix", prefix) != prefix:
        return "the listing is of another prefix"
    return _entries(entries, prefix, last)


def _entries(entries: Sequence[Answer], prefix: str, last: str) -> str:
    for entry in entries:
        if any(not isinstance(entry.get(name), kind) for name, kind in _TYPES.items()):
            return "an entry of the listing has no key, size or ETag"
        if not entry["Key"].startswith(prefix):
            return "the listing holds keys of another prefix"
        if last and entry["Key"].encode() <= last.encode():
            return "the listing is not in the order of its keys, or holds one twice"
        last = entry["Key"]
    return ""


def absent(answer: Answer) -> str:
    """Check an error answer whose status alone says that there is no such object, as that to a HEAD does."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return "" if _IDS & headers.keys() else "HTTP 404 without a request id"


def _no(answer: Answer, status: int) -> str:
    found = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return "" if found == status else f"HTTP {found} instead of {status}"


def _no_version(answer: Answer) -> str:
    return "" if _VERSION.fullmatch(str(answer.get("ETag", ""))) else "HTTP 200 without an ETag"


def _is_md5(answer: Answer) -> bool:
    """Return whether the ETag must be the MD5 of the bytes. It is not if KMS or a customer's key encrypted them."""
    encrypted = str(answer.get("ServerSideEncryption", "AES256")) != "AES256" or "SSECustomerAlgorithm" in answer
    return not encrypted and "ChecksumSHA256" not in answer and bool(_MD5.fullmatch(answer["ETag"]))


def _md5(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
