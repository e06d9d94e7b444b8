"""Logs of a process: one JSON object a line on stderr, with the shard in each.

Where stderr is systemd's journal, a line begins with its level as `<3>`, which the journal takes away and files it by.
Source: sd-daemon(3), and `JOURNAL_STREAM` in systemd.exec(5).
"""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

# structlog imports rich, where it is installed, for tracebacks on a terminal: 6 MiB a shard for nothing.
_rich = sys.modules.setdefault("rich", None)  # type: ignore[arg-type]

import structlog  # noqa: E402

if _rich is None:
    del sys.modules["rich"]

MOST_BYTES = 3_800
"""A longer line is cut: `journalctl -o json` gives nothing of a field from 4,096 bytes on, its name included."""

_SHORTER = (1000, 300, 100, 30)
_JSON = structlog.processors.JSONRenderer(separators=(",", ":"))

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3}
_SAID: dict[str, str] = {}
TO_JOURNAL = "KINESIS_FLEET_TO_JOURNAL"
"""Set for a shard's process whose lines end up in the journal: its own stderr is a pipe."""


def configure(level: str) -> None:
    """Write structured lines to stderr from this level on."""
    structlog.configure(
        processors=[
            _merged,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _renderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def to_journal() -> bool:
    """Whether what this process writes to stderr ends up in systemd's journal."""
    if TO_JOURNAL in os.environ:
        return os.environ[TO_JOURNAL] == "1"
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    if not inode:
        return False
    found = os.fstat(sys.stderr.fileno())
    return (str(found.st_dev), str(found.st_ino)) == (device, inode)


def _bounded(log: Any, name: str, event: structlog.typing.EventDict) -> str:  # noqa: ANN401 - as structlog has it
    """Write a line of a bounded length: long texts and lists are cut where it takes that, and the line says so."""
    text = str(_JSON(log, name, dict(event)))
    for most in _SHORTER:
        if len(text) <= MOST_BYTES:  # what is no ASCII is escaped: characters are bytes
            break
        cut = {key: _cut(value, most) for key, value in event.items()}
        text = str(_JSON(log, name, {**cut, "cut": True}))
    return text


def _cut(value: object, most: int) -> object:
    if isinstance(value, str):
        return value if len(value) <= most else f"{value[:most]}\N{HORIZONTAL ELLIPSIS}"
    if isinstance(value, (list, tuple)):
        items, size = [], 0
        for item in value:
            items.append(_cut(item, most))
            size += len(str(items[-1]))
            if size > most:
                break
        rest = len(value) - len(items)
        return [*items, f"\N{HORIZONTAL ELLIPSIS} {rest} more"] if rest else items
    return value


def _rendered(log: Any, name: str, event: structlog.typing.EventDict) -> str:  # noqa: ANN401 - as structlog has it
    priority = PRIORITIES.get(str(event.get("level")), PRIORITIES["info"])
    return f"<{priority}>{_bounded(log, name, event)}"


def logger() -> structlog.typing.FilteringBoundLogger:
    """Return the process's logger."""
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return log


def say_shard(consumer: str, shard: str) -> None:
    """Name the consumer and the shard in every later line, whichever thread writes it: one process is one shard."""
    _SAID.update(consumer=consumer, shard=shard)


def write_metrics(fields: Mapping[str, object]) -> None:
    """Write a line of metrics, whatever the level that is configured."""
    event = {**_SAID, **fields, "event": "metrics", "level": "info"}
    stamped = structlog.processors.TimeStamper(fmt="iso", utc=True)(None, "", event)
    sys.stderr.write(f"{_renderer()(None, '', stamped)!s}\n")
    sys.stderr.flush()


def _renderer() -> Callable[[Any, str, structlog.typing.EventDict], str | bytes]:
    return _rendered if to_journal() else _bounded


def _merged(_log: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:  # noqa: ANN401 - as structlog has it
    return {**_SAID, **event}
