"""Where a call to AWS went that was not answered: an endpoint tells more than the name of an exception."""

from urllib.parse import urlsplit


def at(fault: BaseException) -> str:
    """Name the endpoint that botocore could not reach, to be put behind the fault's name; empty if it does not say.

    Only its beginning: what follows the host names an object.
    """
    url = getattr(fault, "kwargs", {}).get("endpoint_url")
    parts = urlsplit(url) if isinstance(url, str) else None
    return f" at {parts.scheme}://{parts.netloc}" if parts and parts.netloc else ""
