"""The kinds of values that a key may take, the fleet's own common keys, and near misses."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Kind = Literal["text", "int", "number", "bool", "choice", "duration", "url"]

_PATTERNS: dict[Kind, tuple[str, str]] = {
    "text": (r".+", "a text"),
    "int": (r"-?\d{1,18}", "a whole number without separators"),
    "number": (r"-?\d+(\.\d+)?", "a number"),
    "bool": (r"(?i)true|false", "true or false"),
    "duration": (r"PT?\d[0-9DTHMS.]*", "an ISO 8601 duration such as PT24H"),
    "url": (r"https?://[^\s/]+/?", "a URL such as http://127.0.0.1:4567"),
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of KCL's MultiLangDaemon.

    ``tamed`` is the value that the fleet gives when the file has none; None leaves KCL's own.
    ``least`` and ``most`` bound an ``int`` or a ``number``, both inclusive.
    """

    name: str
    kind: Kind = "text"
    tamed: str | None = None
    choices: tuple[str, ...] = ()
    least: float = 0
    most: float = 2**31 - 1

    def problem(self, value: str) -> str | None:
        """Say what is wrong with ``value``, or None.

        KCL itself takes what it cannot convert for 0 or false, without a word.
        """
        if self.choices:
            good = value.upper() in self.choices
            return None if good else f"is not one of {', '.join(self.choices)}"
        pattern, words = _PATTERNS[self.kind]
        if re.fullmatch(pattern, value) is None:
            return f"is not {words}"
        if self.kind in {"int", "number"} and not self.least <= float(value) <= self.most:
            return f"is not within {self.least:g} and {self.most:g}"
        return None


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that every consumer shares, beside KCL's."""

    consumer: Annotated[str, Meta(description="Name a registered consumer")]
    flush_timeout_s: Annotated[float, Meta(gt=0, le=3600, description="Longest flush at a drain, in seconds")] = (
        msgspec.field(name="flushTimeoutSeconds", default=15)
    )
    stop_timeout_s: Annotated[
        float,
        Meta(gt=0, le=7200, description="Seconds that the process manager waits after SIGTERM"),
    ] = msgspec.field(name="stopTimeoutSeconds", default=45)
    jvm_shards: Annotated[int, Meta(ge=1, le=1000, description="Most shards that this host may hold at once")] = (
        msgspec.field(name="jvm.shards", default=8)
    )
    jvm_heap_mib: Annotated[int, Meta(ge=0, le=1_048_576, description="Heap of the JVM in MiB; 0 computes it")] = (
        msgspec.field(name="jvm.heapMiB", default=0)
    )
    jvm_options: Annotated[str, Meta(description="Further options of the JVM, separated by spaces")] = msgspec.field(
        name="jvm.options",
        default="-XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -XX:-UsePerfData",
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="Write debug, info, warning or error"),
    ] = msgspec.field(name="log.level", default="info")


COMMON_KEYS = tuple(field.encode_name for field in msgspec.structs.fields(Common))


def nearest(key: str, known: Iterable[str]) -> str | None:
    """Return the known key that ``key`` most likely means, or None."""
    import difflib  # noqa: PLC0415 - the shard's child never needs it

    names = {name.lower(): name for name in known}
    if key.lower() in names:
        return names[key.lower()]
    for lowered, name in names.items():
        if lowered.endswith(f".{key.lower()}"):
            return name
    close = difflib.get_close_matches(key.lower(), names, n=1, cutoff=0.7)
    return names[close[0]] if close else None
