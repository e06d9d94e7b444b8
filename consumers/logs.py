"""Logs of a shard's process: one JSON object a line on stderr, with the shard in each."""

import sys

# structlog imports rich, where it is installed, for tracebacks on a terminal: 6 MiB a shard for nothing.
_rich = sys.modules.setdefault("rich", None)  # type: ignore[arg-type]

import structlog  # noqa: E402

if _rich is None:
    del sys.modules["rich"]

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str) -> None:
    """Write structured lines to stderr from this level on."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(separators=(",", ":")),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger() -> structlog.typing.FilteringBoundLogger:
    """Return the process's logger."""
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return log


def say_shard(consumer: str, shard: str) -> None:
    """Name the consumer and the shard in every later line."""
    structlog.contextvars.bind_contextvars(consumer=consumer, shard=shard)
