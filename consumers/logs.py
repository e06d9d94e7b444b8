"""Logs of a process: one JSON object a line on stderr, each with the shard.

Where stderr is systemd's journal, a line begins with its priority, such as `<3>`. The journal removes it and files the
line under that priority. Source: sd-daemon(3), and `JOURNAL_STREAM` in systemd.exec(5).
"""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

# structlog imports rich, where it is installed, for tracebacks on a terminal: 6 MiB a shard, of no use here.
_rich = sys.modules.setdefault("rich", None)  # type: ignore[arg-type]

import structlog  # noqa: E402

if _rich is None:
    del sys.modules["rich"]

MOST_BYTES = 3_800
"""The longest line in bytes; a longer one is cut.

`journalctl -o json` omits the value of a field of 4,096 bytes or more, its name included.
"""

_SHORTER = (1000, 300, 100, 30)
_JSON = structlog.processors.JSONRenderer(separators=(",", ":"))

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3}
_SAID: dict[str, str] = {}
TO_JOURNAL = "KINESIS_FLEET_TO_JOURNAL"
"""Set for a shard's process whose lines end up in the journal although its own stderr is a pipe."""


def configure(level: str) -> None:
    """Write structured lines of this level and above to stderr."""
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
    """Return whether what this process writes to stderr ends up in systemd's journal."""
    if TO_JOURNAL in os.environ:
        return os.environ[TO_JOURNAL] == "1"
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    if not inode:
        return False
    found = os.fstat(sys.stderr.fileno())
    return (str(found.st_dev), str(found.st_ino)) == (device, inode)


def _bounded(log: Any, name: str, event: structlog.typing.EventDict) -> str:  # noqa: ANN401 - as structlog has it
    """Render a line of bounded length. Long texts and lists are cut where needed, and `cut` is set then."""
    text = str(_JSON(log, name, dict(event)))
    for most in _SHORTER:
        if len(text) <= MOST_BYTES:  # JSON escapes what is not ASCII, so a character is a byte
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
    """Set the consumer and the shard for all later lines, of any thread: one process serves one shard."""
    _SAID.update(consumer=consumer, shard=shard)


def write_metrics(fields: Mapping[str, object]) -> None:
    """Write a line of metrics, whatever level is configured."""
    event = {**_SAID, **fields, "event": "metrics", "level": "info"}
    stamped = structlog.processors.TimeStamper(fmt="iso", utc=True)(None, "", event)
    sys.stderr.write(f"{_renderer()(None, '', stamped)!s}\n")
    sys.stderr.flush()


def _renderer() -> Callable[[Any, str, structlog.typing.EventDict], str | bytes]:
    return _rendered if to_journal() else _bounded


def _merged(_log: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:  # noqa: ANN401 - as structlog has it
    return {**_SAID, **event}
