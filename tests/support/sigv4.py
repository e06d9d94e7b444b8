"""The verifying side of AWS Signature Version 4, from its specification, with hmac alone.

Source: "Create a signed AWS API request" in the user guide of AWS IAM. Paths are encoded twice, as for all but S3.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SKEW = timedelta(minutes=15)


class Received(NamedTuple):
    """A request as a server has it: the target of its first line, headers by their lower-case names."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Verifier:
    """Knows one key pair, with the token of its session if it is a temporary one."""

    key_id: str
    secret: str
    region: str
    service: str
    token: str = ""

    def fault(self, request: Received, now: datetime) -> str:  # noqa: PLR0911 - a return for each rule
        """Say why a request is refused, or nothing."""
        algorithm, _, rest = request.headers.get("authorization", "").partition(" ")
        if algorithm != ALGORITHM:
            return "no signature"
        fields = dict(part.strip().split("=", 1) for part in rest.split(","))
        stamp = request.headers.get("x-amz-date", "")
        if abs(now - datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)) > _SKEW:
            return "skewed"
        if fields["Credential"] != f"{self.key_id}/{stamp[:8]}/{self.region}/{self.service}/aws4_request":
            return "another scope"
        names = fields["SignedHeaders"].split(";")
        needed = {name for name in request.headers if name.startswith("x-amz-")} | {"host"}
        needed |= {"content-type"} & request.headers.keys()
        needed |= {"x-amz-content-sha256"} if self.service == "aoss" else set()
        if not needed <= set(names) or names != sorted(names):
            return "headers that are not signed"
        if request.headers.get("x-amz-security-token", "") != self.token:
            return "another token"
        digest = hashlib.sha256(request.body).hexdigest()
        if request.headers.get("x-amz-content-sha256", digest) != digest:
            return "another body"
        if not hmac.compare_digest(self.signature(request, names), fields["Signature"]):
            return "another signature"
        return ""

    def signature(self, request: Received, names: list[str]) -> str:
        """Compute the signature of a request over these headers."""
        stamp = request.headers["x-amz-date"]
        canonical = hashlib.sha256(_canonical(request, names).encode()).hexdigest()
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        key = f"AWS4{self.secret}".encode()
        for part in (stamp[:8], self.region, self.service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.new(key, f"{ALGORITHM}\n{stamp}\n{scope}\n{canonical}".encode(), "sha256").hexdigest()


def _canonical(request: Received, names: list[str]) -> str:
    path, _, query = request.target.partition("?")
    pairs = sorted(
        (_encoded(_decoded(name)), _encoded(_decoded(value)))
        for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)
    )
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in names)
    return "\n".join(
        [
            request.method,
            "/".join(_encoded(segment.encode()) for segment in path.split("/")),
            "&".join(f"{name}={value}" for name, value in pairs),
            headers,
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )


def _encoded(text: bytes) -> str:
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text)


def _decoded(text: str) -> bytes:
    first, *rest = text.encode("ascii").split(b"%")
    return first + b"".join(bytes([int(part[:2], 16)]) + part[2:] for part in rest)
