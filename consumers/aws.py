"""One botocore session for all clients of a process, since the data it loads from disk takes some 8 MiB."""

import threading
from contextlib import suppress
from typing import Any

import botocore.session
from botocore.exceptions import UnknownRegionError

_LOCK = threading.Lock()
_SESSIONS: list[botocore.session.Session] = []


def client(service: str, **options: Any) -> Any:  # noqa: ANN401 - botocore's clients have no types
    """Make a client. `options` are those of botocore's `create_client`."""
    with _LOCK:
        return _session().create_client(service, **options)


def credentials() -> Any:  # noqa: ANN401 - botocore has no types
    """Look for credentials anew, in the places where all AWS tools do; return None if there are none."""
    with _LOCK:
        _SESSIONS.clear()
        return _session().get_credentials()


def region() -> str:
    """Return the region that the environment or the profile sets, or an empty string."""
    with _LOCK:
        return _session().get_config_variable("region") or ""


def profile() -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the name of the profile in use, and all profiles as the configuration files have them."""
    with _LOCK:
        session = _session()
        return session.get_config_variable("profile") or "default", session.full_config.get("profiles", {})


def partition_of(region: str) -> str:
    """Return the partition of a region, such as aws-us-gov, which is a part of each ARN.

    A region that botocore does not know counts as one of the partition aws.
    """
    with _LOCK, suppress(UnknownRegionError):
        partition: str = _session().get_partition_for_region(region)
        return partition
    return "aws"


def forget() -> None:
    """Drop the session, so that the next client looks for credentials anew."""
    with _LOCK:
        _SESSIONS.clear()


def _session() -> botocore.session.Session:
    if not _SESSIONS:
        _SESSIONS.append(botocore.session.Session())
    return _SESSIONS[0]
