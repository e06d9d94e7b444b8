"""What an S3 error means for a writer: a pure function of the answer.

Codes: "Error responses" in the Amazon S3 API reference, and "Conditional writes" in its user guide.
"""

from consumers.waiting import Unavailable

EXISTS = frozenset({"PreconditionFailed", "412"})
ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})

_REMEDIES = {
    "NoSuchBucket": "create the bucket, or correct archive.bucket",
    "PermanentRedirect": "set archive.region to the bucket's region",
    "301": "set archive.region to the bucket's region",
    "AuthorizationHeaderMalformed": "set archive.region to the bucket's region",
    "IllegalLocationConstraintException": "set archive.region to the bucket's region",
    "AccessDenied": "grant s3:PutObject, s3:GetObject and s3:ListBucket on archive.bucket, and check "
    "archive.expectedOwner and archive.kmsKeyId",
    "403": "grant s3:PutObject, s3:GetObject and s3:ListBucket on archive.bucket, and check archive.expectedOwner",
    "InvalidAccessKeyId": "give the process valid AWS credentials",
    "SignatureDoesNotMatch": "give the process valid AWS credentials",
    "ExpiredToken": "renew the AWS credentials of the process",
    "InvalidToken": "renew the AWS credentials of the process",
    "RequestTimeTooSkewed": "set the host's clock: it differs from S3's by more than 15 minutes",
    "NotImplemented": "archive.endpoint must be a store that knows If-None-Match on PUT",
    "InvalidStorageClass": "correct archive.storageClass",
    "InvalidBucketName": "correct archive.bucket",
    "MethodNotAllowed": "archive.endpoint is not an S3 service, or the bucket's policy forbids it",
}
_MENDS_ITSELF = frozenset(
    {
        "ConditionalRequestConflict",
        "OperationAborted",
        "SlowDown",
        "RequestTimeout",
        "BadDigest",
        "IncompleteBody",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
        "InvalidDigest",
        "TooManyRequests",
        "RequestLimitExceeded",
        "InternalError",
        "ServiceUnavailable",
        "503",
        "500",
    }
)
_SERVER_ERROR = 500
_CONFLICT = 409
_TOO_MANY = 429


def unavailable(operation: str, where: str, code: str, status: int) -> Unavailable:
    """Say what an error answer means: something to wait out, or something that an operator must mend."""
    reason = f"{operation} {where}: {code} (HTTP {status})"
    server_failed = status >= _SERVER_ERROR and code != "NotImplemented"
    if code in _MENDS_ITSELF or server_failed or status in {_CONFLICT, _TOO_MANY}:
        return Unavailable(reason, "none: it is tried again")
    if code.startswith("KMS."):
        return Unavailable(reason, "enable the key of archive.kmsKeyId and grant kms:GenerateDataKey", operator=True)
    remedy = _REMEDIES.get(code, "look the code up in the S3 documentation and correct the archive.* keys")
    return Unavailable(reason, remedy, operator=True)
