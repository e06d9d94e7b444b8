"""What an answer of S3 must show before anything rests on it: pure functions, each says what is missing, or nothing.

Load balancers, gateways and caches answer 200 too, in the place of S3. So an answer counts by what only a store of
objects can know: that it has read the bytes, or which object it speaks of. Sources: the pages of the operations in the
Amazon S3 API reference, and "Checking object integrity" and "Common response headers" beside them.
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
    """Keep how long the body of an answer was that should have none: a handler of botocore's `after-call`."""
    parsed.setdefault("ResponseMetadata", {})[_BODY_BYTES] = len(http_response.content)


def stored(answer: Answer, body: bytes, sha256: bytes) -> str:
    """Look at the answer to a PUT: it must show that the bytes have arrived, by either of their digests.

    S3 repeats the SHA-256 that was sent. Stores that do not have the MD5 for an ETag.
    """
    if wrong := _no(answer, _OK) or _no_version(answer):
        return wrong
    if answer["ResponseMetadata"].get(_BODY_BYTES):
        return "HTTP 200 with a body, which S3 never sends"
    if repeated := answer.get("ChecksumSHA256"):
        return "" if repeated == base64.b64encode(sha256).decode() else "HTTP 200 with the digest of other bytes"
    return "" if answer["ETag"] == _md5(body) else "HTTP 200 without a digest of what was sent"


def removed(answer: Answer) -> str:
    """Look at the answer to a DELETE."""
    return _no(answer, _NO_CONTENT)


def described(answer: Answer) -> str:
    """Look at the answer to a HEAD."""
    if wrong := _no(answer, _OK) or _no_version(answer):
        return wrong
    return "" if isinstance(answer.get("ContentLength"), int) else "HTTP 200 without a Content-Length"


def read(answer: Answer, size: int, body: bytes | None = None) -> str:
    """Look at the answer to a GET whose body had this size; `body`, if it is at hand, must be what the ETag says."""
    if wrong := described(answer):
        return wrong
    if size != answer["ContentLength"]:
        return f"HTTP 200 with {size} of {answer['ContentLength']} bytes"
    if body is not None and _is_md5(answer) and answer["ETag"] != _md5(body):
        return "HTTP 200 with other bytes than those of its ETag"
    return ""


def listed(answer: Answer, prefix: str, token: str, last: str) -> str:
    """Look at a page of a listing. `token` is what was asked with, and `last` the last key before: both may be empty.

    A page that lacks something must not read as objects that are not there.
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
    """Look at an error answer that says by its status alone that there is no such object, as a HEAD's does."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return "" if _IDS & headers.keys() else "HTTP 404 without a request id"


def _no(answer: Answer, status: int) -> str:
    found = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return "" if found == status else f"HTTP {found} instead of {status}"


def _no_version(answer: Answer) -> str:
    return "" if _VERSION.fullmatch(str(answer.get("ETag", ""))) else "HTTP 200 without an ETag"


def _is_md5(answer: Answer) -> bool:
    """Whether the ETag must be the MD5 of the bytes: not where KMS or a customer's key encrypted them."""
    encrypted = str(answer.get("ServerSideEncryption", "AES256")) != "AES256" or "SSECustomerAlgorithm" in answer
    return not encrypted and "ChecksumSHA256" not in answer and bool(_MD5.fullmatch(answer["ETag"]))


def _md5(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
