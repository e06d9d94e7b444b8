"""Authentication of requests: a password, an API key, or a signature with AWS credentials.

Sources: RFC 7617 (Basic), "API keys" in the reference of Elasticsearch, "AWS Signature Version 4" in AWS' user guide.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

from consumers.search.access import secret_line_of
from consumers.waiting import Unavailable

_KEY = "index.credentialFile"
_API_KEY = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")


class Request(NamedTuple):
    """The parts of a request that a signature covers. `target` is in normal form, `body` is what is sent."""

    method: str
    origin: str
    target: str
    host: str
    content_type: str
    body: bytes

    @property
    def where(self) -> str:
        """The method and URL without the query, for messages."""
        return f"{self.method} {self.origin}{self.target.partition('?')[0]}"


class Auth(Protocol):
    """Authenticates requests."""

    def headers(self, request: Request) -> Mapping[str, str]:
        """Return the headers that authenticate a request.

        Raises:
            Unavailable: there are no credentials, and an operator must act. The message never holds a credential.
        """
        ...

    def forget(self) -> None:
        """Forget the credentials, which the server refused: the next request reads them again."""


class NoAuth:
    """No authentication."""

    def headers(self, request: Request) -> Mapping[str, str]:  # noqa: ARG002 - as the protocol has it
        """Return no headers."""
        return {}

    def forget(self) -> None:
        """Do nothing: there are no credentials."""


class FromFile:
    """Basic or ApiKey authentication, from a file with one line."""

    def __init__(self, path: str, write: Callable[[str, str], str]) -> None:
        """Store the path, and the function that makes the header from path and line."""
        self._path = path
        self._write = write
        self._header = ""

    def headers(self, request: Request) -> Mapping[str, str]:  # noqa: ARG002 - it is the same for each
        """Return the header. The file is read once."""
        if not self._header:
            self._header = self._write(self._path, secret_line_of(_KEY, self._path, "user:password or the API key"))
        return {"Authorization": self._header}

    def forget(self) -> None:
        """Forget the header: the next request reads the file again."""
        self._header = ""


class Signed:
    """SigV4 signatures, with the credentials that AWS tools find."""

    def __init__(self, service: str, region: str, find: Callable[[], Any]) -> None:
        """Sign for a service in a region. `find` returns botocore's credentials, or None."""
        self._service = service
        self._region = region
        self._find = find
        self._credentials: Any = None

    def headers(self, request: Request) -> Mapping[str, str]:
        """Sign host, type, date, session token, and the digest of the body, which `aoss` requires."""
        headers = {"Host": request.host, "X-Amz-Content-Sha256": hashlib.sha256(request.body).hexdigest()}
        if request.body:
            headers["Content-Type"] = request.content_type
        signer = SigV4Auth(self._frozen(), self._service, self._region)
        return signed(signer, request.method, request.origin + request.target, headers)

    def forget(self) -> None:
        """Forget the credentials: the next request looks for them again."""
        self._credentials = None

    def _frozen(self) -> Any:  # noqa: ANN401 - botocore has no types
        try:
            self._credentials = self._credentials or self._find()
            if self._credentials:
                return self._credentials.get_frozen_credentials()
            why = "there are none"
        except (
            BotoCoreError,
            ClientError,
            RuntimeError,
            ValueError,
        ) as fault:  # botocore raises these for malformed credentials
            why = type(fault).__name__
        self._credentials = None
        reason, remedy = f"AWS credentials: {why}", "give the process AWS credentials: an instance profile, or AWS_*"
        raise Unavailable(reason, remedy, operator=True)  # outside the handler: a fault may hold a process's output


def auth_of(kind: str, credential_file: str, region: str, find: Callable[[], Any]) -> Auth:
    """Return the authentication of a kind: `none`, `basic`, `apiKey`, or the service `es` or `aoss` in the region."""
    if kind == "none":
        return NoAuth()
    if kind == "basic":
        return FromFile(credential_file, _basic)
    if kind == "apiKey":
        return FromFile(credential_file, _api_key)
    return Signed(kind, region, find)


def signed(signer: SigV4Auth, method: str, url: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with a signature over them. They must include the digest of a body."""
    request = AWSRequest(method=method, url=url, headers=dict(headers))
    signer.add_auth(request)
    return dict(request.headers.items())


def _basic(path: str, line: str) -> str:
    if ":" not in line:
        raise _unusable(path, "no user:password", "write user:password into it, on one line")
    return f"Basic {base64.b64encode(line.encode()).decode()}"


def _api_key(path: str, line: str) -> str:
    if not _API_KEY.fullmatch(line):
        raise _unusable(path, "no API key", "write the API key into it, in its encoded form (base64), on one line")
    return f"ApiKey {line}"


def _unusable(path: str, what: str, remedy: str) -> Unavailable:
    return Unavailable(f"{_KEY} {path}: {what}", remedy, operator=True)
