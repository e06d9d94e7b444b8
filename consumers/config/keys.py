"""The kinds of values of a key, the fleet's own common keys, and corrections of misspelt keys."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Kind = Literal[
    "text", "int", "number", "bool", "choice", "duration", "url", "region", "table", "stream", "worker", "provider"
]

_PATTERNS: dict[Kind, tuple[str, str]] = {
    "text": (r".+", "a text"),
    "number": (r"-?\d+(\.\d+)?", "a number"),
    "bool": (r"(?i)true|false", "true or false"),
    "duration": (r"PT?\d[0-9DTHMS.]*", "an ISO 8601 duration such as PT24H"),
    "url": (r"https?://[^\s/]+/?", "a URL such as http://127.0.0.1:4567"),
    "region": (r"[a-z]{2,8}(-[a-z0-9]+)+-\d{1,2}", "a region such as eu-west-1"),
    # DynamoDB's rule. An application's name also becomes part of objects' keys.
    "table": (r"[a-zA-Z0-9_.-]{3,255}", "a name of 3 to 255 letters, digits, '_', '.' and '-'"),
    "stream": (r"[a-zA-Z0-9_.-]{1,128}", "a name of 1 to 128 letters, digits, '_', '.' and '-'"),
    # It becomes metadata of objects, and part of a path.
    "worker": (r"[\x21-\x7e]{1,200}", "a name of 1 to 200 ASCII characters without spaces"),
}
# This provider looks in the same places as botocore. Only Java knows the others, but `prepare`, the proofs at a start,
# each shard's process and the commands are Python.
_PROVIDER = "DefaultCredentialsProvider"
_PROVIDERS = frozenset({_PROVIDER, f"software.amazon.awssdk.auth.credentials.{_PROVIDER}"})


@dataclass(frozen=True, slots=True)
class Key:
    """One key of KCL's MultiLangDaemon.

    ``tamed`` is the value that the fleet sets if the file has none; None leaves KCL's own default.
    ``least`` and ``most`` are the inclusive limits of an ``int`` or a ``number``. ``free`` marks a text
    in which a ``#`` after a space may be intended.
    """

    name: str
    kind: Kind = "text"
    tamed: str | None = None
    choices: tuple[str, ...] = ()
    least: float = 0
    most: float = 2**31 - 1
    free: bool = False

    def problem(self, value: str) -> str | None:
        """Return what is wrong with ``value``, or None.

        KCL itself silently replaces a value that it cannot convert by 0 or false.
        """
        from consumers.config.words import number  # noqa: PLC0415 - a shard's child does not need it

        if self.choices:
            good = value.upper() in self.choices
            return None if good else f"{value!r} is none of {', '.join(self.choices)}"
        if self.kind == "provider":
            # The value is not repeated: the part after a bar may be a secret.
            return None if value in _PROVIDERS else "names a provider that Java alone would use"
        if self.kind != "int":
            pattern, words = _PATTERNS[self.kind]
            if re.fullmatch(pattern, value) is None:
                return f"{value!r} is not {words}"
        if self.kind not in {"int", "number"}:
            return None
        return number(value, whole=self.kind == "int", bounds={"ge": self.least, "le": self.most})

    @property
    def remedy(self) -> str:
        """What to do about a wrong value."""
        if self.kind == "provider":
            return f"Delete it: {_PROVIDER} finds a role of the host, AWS_PROFILE and AWS_*, as all else here does"
        if self.kind == "int":
            return "Write digits alone"
        return "Correct it"


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that all consumers share, besides KCL's."""

    consumer: Annotated[str, Meta(description="Name a registered consumer")]
    flush_timeout_s: Annotated[
        float, Meta(gt=0, le=3600, description="Give the longest flush at a drain in seconds, up to 3600")
    ] = msgspec.field(name="flushTimeoutSeconds", default=15)
    stop_timeout_s: Annotated[
        float,
        Meta(gt=0, le=7200, description="Give the seconds that the process manager waits after SIGTERM, up to 7200"),
    ] = msgspec.field(name="stopTimeoutSeconds", default=45)
    stuck_s: Annotated[
        float,
        Meta(
            ge=0,
            le=86_400,
            description="Give the seconds without a sign of life that end a process, or 0",
        ),
    ] = msgspec.field(name="stuckSeconds", default=300)
    metrics_s: Annotated[
        float,
        Meta(ge=0, le=3600, description="Give the seconds between two lines of metrics, up to 3600, or 0 for none"),
    ] = msgspec.field(name="metricsSeconds", default=60)
    jvm_shards: Annotated[
        int, Meta(ge=1, le=1000, description="Give the most shards that this host may hold at once, 1 to 1000")
    ] = msgspec.field(name="jvm.shards", default=8)
    jvm_heap_mib: Annotated[
        int, Meta(ge=0, le=1_048_576, description="Give the heap of the JVM in MiB, or delete it: it is computed")
    ] = msgspec.field(name="jvm.heapMiB", default=0)
    jvm_options: Annotated[str, Meta(description="Give further options of the JVM, separated by spaces")] = (
        msgspec.field(
            name="jvm.options",
            default="-XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -XX:-UsePerfData",
        )
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="Write debug, info, warning or error"),
    ] = msgspec.field(name="log.level", default="info")


COMMON_KEYS = tuple(field.encode_name for field in msgspec.structs.fields(Common))


def nearest(key: str, known: Iterable[str]) -> str | None:
    """Return the known key that ``key`` most likely means, or None."""
    import difflib  # noqa: PLC0415 - a shard's child does not need it

    names = {name.lower(): name for name in known}
    if key.lower() in names:
        return names[key.lower()]
    for lowered, name in names.items():
        if lowered.endswith(f".{key.lower()}"):
            return name
    close = difflib.get_close_matches(key.lower(), names, n=1, cutoff=0.7)
    return names[close[0]] if close else None
