"""The endpoint of a call to AWS that was not answered, which says more than the name of an exception."""

from urllib.parse import urlsplit


def at(fault: BaseException) -> str:
    """Return " at ENDPOINT" for the endpoint that botocore could not reach; empty if the fault does not name it.

    It is made to follow the fault's name. Scheme and host alone are given: what follows the host names an object.
    """
    url = getattr(fault, "kwargs", {}).get("endpoint_url")
    parts = urlsplit(url) if isinstance(url, str) else None
    return f" at {parts.scheme}://{parts.netloc}" if parts and parts.netloc else ""
