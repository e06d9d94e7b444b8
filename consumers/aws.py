"""One session for all clients of a process: what it reads from disk, some 8 MiB, is held once."""

import threading
from contextlib import suppress
from typing import Any

import botocore.session
from botocore.exceptions import UnknownRegionError

_LOCK = threading.Lock()
_SESSIONS: list[botocore.session.Session] = []


def client(service: str, **options: Any) -> Any:  # noqa: ANN401 - botocore's clients have no types
    """Make a client; the options are botocore's."""
    with _LOCK:
        return _session().create_client(service, **options)


def credentials() -> Any:  # noqa: ANN401 - botocore has no types
    """Look for credentials anew, where all AWS tools do; None if there are none."""
    with _LOCK:
        _SESSIONS.clear()
        return _session().get_credentials()


def region() -> str:
    """Name the region that the environment or the profile says, or nothing."""
    with _LOCK:
        return _session().get_config_variable("region") or ""


def profile() -> tuple[str, dict[str, dict[str, Any]]]:
    """Name the profile in use, and give all of them as the files have them."""
    with _LOCK:
        session = _session()
        return session.get_config_variable("profile") or "default", session.full_config.get("profiles", {})


def partition_of(region: str) -> str:
    """Name the partition that a region lies in, such as aws-us-gov: a part of each ARN. Unknown regions are in aws."""
    with _LOCK, suppress(UnknownRegionError):
        partition: str = _session().get_partition_for_region(region)
        return partition
    return "aws"


def forget() -> None:
    """Look for credentials anew at the next client."""
    with _LOCK:
        _SESSIONS.clear()


def _session() -> botocore.session.Session:
    if not _SESSIONS:
        _SESSIONS.append(botocore.session.Session())
    return _SESSIONS[0]
