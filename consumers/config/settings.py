"""A consumer's settings: read and checked once, then frozen.

Each child of the daemon, one per shard, imports this module too. So what only an operator's file needs
is imported by ``check`` alone.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from consumers.config import effective
from consumers.config.consumer import Consumer
from consumers.config.faults import Fault, Faults
from consumers.config.keys import COMMON_KEYS, Common

__all__ = ["Faults", "Jvm", "Settings", "assemble", "load", "read_text"]

Consumers = Mapping[str, Consumer]


@dataclass(frozen=True, slots=True)
class Jvm:
    """The JVM: the highest number of ``shards`` at once, its heap in MiB, and further options."""

    shards: int
    heap_mib: int
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """The content of one properties file.

    ``consumer`` is the name of a consumer, ``section`` that consumer's own struct. ``kcl`` has the keys for
    KCL, with the fleet's values filled in, ``own`` the other keys as texts. ``flush_timeout_s`` limits the
    longest flush at a drain. ``stop_timeout_s`` is how long the process manager waits after SIGTERM.
    """

    consumer: str
    stream: str
    application: str
    worker: str
    flush_timeout_s: float
    stuck_s: float
    metrics_s: float
    stop_timeout_s: float
    log_level: str
    jvm: Jvm
    section: Any
    kcl: Mapping[str, str]
    own: Mapping[str, str]
    path: Path


def load(
    path: Path,
    consumers: Consumers,
    *,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read ``path``: an operator's file, or the effective file that the launcher made of it.

    ``consumers`` is the registry. ``environment`` is the process's by default.

    Raises:
        Faults: everything that is wrong with the file.
    """
    text = read_text(path)
    if effective.is_effective(text):
        return assemble(effective.read(text), path, consumers)
    from consumers.config import check  # noqa: PLC0415 - a child does not need its imports

    values = check.values(text, path, consumers, os.environ if environment is None else environment)
    return assemble(values, path, consumers)


def read_text(path: Path) -> str:
    """Return the text of ``path``.

    Raises:
        Faults: the file does not exist, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")  # an editor may have added a byte order mark
    except OSError as error:
        fault = Fault("", f"cannot be read: {error.strerror}", "Name a readable properties file")
    except UnicodeDecodeError as error:
        fault = Fault("", f"is not UTF-8 at byte {error.start}", "Save it as UTF-8")
    raise Faults(path, [fault])


def assemble(values: Mapping[str, str], path: Path, consumers: Consumers) -> Settings:
    """Make settings from checked values.

    Raises:
        Faults: a value cannot be converted, for example in a file that another version made.
    """
    try:
        return _assemble(values, path, consumers)
    except (KeyError, msgspec.ValidationError) as error:
        remedy = "Start the daemon again, so that the file is made anew"
        raise Faults(path, [Fault("", f"cannot be used: {error}", remedy)]) from error


def _assemble(values: Mapping[str, str], path: Path, consumers: Consumers) -> Settings:
    given = {key: values[key] for key in COMMON_KEYS if key in values}
    common = msgspec.convert(given, Common, strict=False)
    consumer = consumers[common.consumer]
    prefix = f"{consumer.section}."
    section = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
    own = {key: value for key, value in values.items() if key in COMMON_KEYS or key.startswith(prefix)}
    return Settings(
        consumer=consumer.name,
        stream=values.get("streamName") or values["streamArn"].rpartition("/")[2],
        application=values["applicationName"],
        worker=values["workerId"],
        flush_timeout_s=common.flush_timeout_s,
        stuck_s=common.stuck_s,
        metrics_s=common.metrics_s,
        stop_timeout_s=common.stop_timeout_s,
        log_level=common.log_level,
        jvm=Jvm(common.jvm_shards, common.jvm_heap_mib, tuple(common.jvm_options.split())),
        section=msgspec.convert(section, consumer.settings, strict=False),
        kcl={key: value for key, value in values.items() if key not in own},
        own=own,
        path=path,
    )
