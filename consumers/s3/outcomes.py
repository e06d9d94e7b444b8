"""The meaning of an S3 error for a writer, as a pure function of the answer.

Codes: "Error responses" in the Amazon S3 API reference, and "Conditional writes" in its user guide.
"""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    SSLError,
)
from botocore.exceptions import (
    ConnectionError as EndpointUnreachable,
)

from consumers.reached import at
from consumers.waiting import Unavailable

EXISTS = frozenset({"PreconditionFailed"})
ABSENT = frozenset({"NoSuchKey"})
"""S3's own codes, from the bodies of its answers.

A status alone may come from anything that stands before S3.
"""

_NO_S3 = "{keys}.endpoint must be an S3 service: look at what stands before it, such as a proxy or a gateway"
_CODE = re.compile(r"[A-Za-z0-9.]{1,80}")

_REMEDIES = {
    "NoSuchBucket": "create the bucket, or correct {keys}.bucket",
    "PermanentRedirect": "set {keys}.region to the bucket's region",
    "301": "set {keys}.region to the bucket's region",
    "AuthorizationHeaderMalformed": "set {keys}.region to the bucket's region",
    "IllegalLocationConstraintException": "set {keys}.region to the bucket's region",
    "AccessDenied": "grant s3:PutObject, s3:GetObject and s3:ListBucket on {keys}.bucket, and check "
    "{keys}.expectedOwner and {keys}.kmsKeyId",
    "403": "grant s3:PutObject, s3:GetObject and s3:ListBucket on {keys}.bucket, and check {keys}.expectedOwner",
    "InvalidAccessKeyId": "give the process valid AWS credentials",
    "SignatureDoesNotMatch": "give the process valid AWS credentials",
    "ExpiredToken": "renew the AWS credentials of the process",
    "InvalidToken": "renew the AWS credentials of the process",
    "RequestTimeTooSkewed": "set the host's clock: it differs from S3's by more than 15 minutes",
    "TokenRefreshRequired": "renew the AWS credentials of the process",
    "400": "renew the AWS credentials of the process, or set {keys}.region to the bucket's region",
    "InvalidObjectState": "restore the object, and keep _kinesis-fleet/ out of classes that need a restore",
    "NotImplemented": "{keys}.endpoint must be a store that knows If-None-Match on PUT",
    "InvalidStorageClass": "correct {keys}.storageClass",
    "InvalidBucketName": "correct {keys}.bucket",
    "MethodNotAllowed": "{keys}.endpoint is not an S3 service, or the bucket's policy forbids it",
}
_NO_REMOVAL = "grant s3:DeleteObject on {keys}.bucket to whoever runs this, and check {keys}.expectedOwner"
_MENDS_ITSELF = frozenset(
    {
        "ConditionalRequestConflict",
        "OperationAborted",
        "SlowDown",
        "RequestTimeout",
        "BadDigest",
        "TemporaryRedirect",
        "Throttling",
        "ThrottlingException",
        "RequestThrottled",
        "RequestThrottledException",
        "BandwidthLimitExceeded",
        "KMS.ThrottlingException",
        "KMS.InternalException",
        "KMS.KMSInternalException",
        "KMS.DependencyTimeoutException",
        "IncompleteBody",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
        "TooManyRequests",
        "RequestLimitExceeded",
        "InternalError",
        "ServiceUnavailable",
        "409",  # the answer to a HEAD has no body with a code
        "429",
        "503",
        "500",
    }
)
_DENIED = frozenset({"AccessDenied", "403"})
_SERVER_ERROR = 500
_TOO_MANY = 429


def code_of(response: Mapping[str, Any]) -> tuple[str, int]:
    """Return the code of an error answer, and its status.

    An answer without a code has its status for one. The text of an HTML page is not a code.
    """
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(response.get("Error", {}).get("Code", ""))
    return (code if _CODE.fullmatch(code) else str(status)), int(status)


def odd(operation: str, where: str, wrong: str, keys: str = "archive") -> Unavailable:
    """Return the error for an answer that is not one of S3's: nothing is known, so nothing counts as done."""
    return Unavailable(f"{operation} {where}: {wrong}", _NO_S3.format(keys=keys), operator=True)


def unavailable(operation: str, where: str, code: str, status: int, keys: str = "archive") -> Unavailable:
    """Return the error for an error answer: it must be waited out, or an operator must mend it.

    `keys` is the prefix of the bucket's properties, for the remedy.
    """
    reason = f"{operation} {where}: {code} (HTTP {status})"
    server_failed = status >= _SERVER_ERROR and code != "NotImplemented"
    if code in _MENDS_ITSELF or server_failed or status == _TOO_MANY:
        return Unavailable(reason, "none: it is tried again")
    if code.startswith("KMS."):
        remedy = "enable the key of {keys}.kmsKeyId and grant kms:GenerateDataKey"
    elif operation == "DeleteObject" and code in _DENIED:
        remedy = _NO_REMOVAL
    elif code == str(status):
        remedy = _REMEDIES.get(code, _NO_S3)
    else:
        remedy = _REMEDIES.get(code, "look the code up in the S3 documentation and correct the {keys}.* keys")
    return Unavailable(reason, remedy.format(keys=keys), operator=True)


def unreachable(operation: str, where: str, fault: Exception, keys: str = "archive") -> Unavailable:
    """Return the error for a call that got no answer. `keys` is as for `unavailable`."""
    reason = f"{operation} {where}: {type(fault).__name__}{at(fault)}"
    if isinstance(fault, (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, RuntimeError)):
        return Unavailable(reason, "give the process AWS credentials: an instance profile, or AWS_*", operator=True)
    if isinstance(fault, NoRegionError):
        return Unavailable(reason, f"set {keys}.region, or AWS_DEFAULT_REGION", operator=True)
    if isinstance(fault, SSLError):
        remedy = "trust the server's certificate (AWS_CA_BUNDLE), or have it renewed; TLS is always verified"
        return Unavailable(reason, remedy, operator=True)
    if isinstance(fault, (HTTPClientError, EndpointUnreachable, IncompleteReadError)):
        return Unavailable(reason, "none: it is tried again")
    if unreadable(fault):
        return odd(operation, where, f"the answer cannot be read ({type(fault).__name__})", keys)
    return Unavailable(f"{reason}: {fault}", f"correct the {keys}.* keys", operator=True)


def unreadable(fault: Exception) -> bool:
    """Return whether an answer came that contradicts its digest, or holds an invalid number. Never quote it."""
    bare = isinstance(fault, ValueError) and not isinstance(fault, BotoCoreError)
    return isinstance(fault, FlexibleChecksumError) or (bare and not str(fault).startswith("Invalid endpoint"))
