"""The destinations of a demonstration, and which of them this machine can run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from consumers.kcl.jars import Unavailable
from consumers.local.archive_sink import ArchiveSink
from consumers.local.index_sink import IndexSink
from consumers.local.redshift_sink import RedshiftSink
from consumers.local.sink import Sink

_GIB = 1 << 30
# Measured with all sinks and the default options: 3 GiB at most. The rest is for other programs.
_NEEDED_BYTES = 4 * _GIB
_MEMORY = Path("/proc/meminfo")
_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")

SINKS: Mapping[str, Sink] = {sink.name: sink for sink in (ArchiveSink(), IndexSink(), RedshiftSink())}


def asked_for(names: Sequence[str]) -> list[Sink]:
    """Return the sinks of these names.

    Raises:
        Unavailable: this machine lacks something that one needs.
    """
    sinks = [SINKS[name] for name in names]
    for sink in sinks:
        if lack := sink.lacks():
            message = f"{sink.name} cannot be run here: {lack}"
            raise Unavailable(message)
    return sinks


def fitting(*, embedded: bool, available_bytes: int | None) -> tuple[list[Sink], list[str]]:
    """Return the sinks that can run here, and a sentence for each that is left out."""
    sinks: list[Sink] = []
    left_out = []
    for sink in SINKS.values():
        if why := _hindrance(sink, embedded=embedded, available_bytes=available_bytes):
            left_out.append(f"{sink.name} is left out: {why}")
        else:
            sinks.append(sink)
    return sinks, left_out


def available_bytes() -> int | None:
    """Return the memory that may be used, or None if it is not known."""
    try:
        lines = _MEMORY.read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return None
    try:
        return min(free, int(_MEMORY_LIMIT.read_text()))
    except (OSError, ValueError):  # not in a container, or without a limit
        return free


def _hindrance(sink: Sink, *, embedded: bool, available_bytes: int | None) -> str:
    if sink.server is None:
        return ""
    if not embedded:
        return f"only the embedded AWS has {sink.server.title} beside it."
    if available_bytes is not None and available_bytes < _NEEDED_BYTES:
        return (
            f"{available_bytes / _GIB:.1f} GiB of memory are available, and it needs {_NEEDED_BYTES / _GIB:.0f} GiB "
            f"with its server. To try it: --sinks {','.join(SINKS)}"
        )
    return sink.lacks()
