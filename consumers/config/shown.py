"""All values in effect, from the file and from the defaults, for an operator to read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from consumers.config import effective, properties
from consumers.config.consumer import Consumer
from consumers.config.keys import Common
from consumers.config.settings import Settings, read_text
from consumers.config.words import plain


@dataclass(frozen=True, slots=True)
class Shown:
    """One key, its value in effect, and whether the file sets it."""

    key: str
    value: str
    source: Literal["file", "default"]


def shown(
    settings: Settings,
    consumers: Mapping[str, Consumer],
    environment: Mapping[str, str],
) -> tuple[Shown, ...]:
    """List the keys of the section, the common keys, and KCL's keys as far as the fleet sets them, sorted.

    ``default`` includes values that the fleet computes. A KCL key that neither the file nor the fleet
    sets has KCL's own default, and is not listed.
    """
    prefix = f"{consumers[settings.consumer].section}."
    given = {key: value for key, value in settings.own.items() if not key.startswith(prefix)}
    common = _texts(msgspec.convert(given, Common, strict=False), "")
    values = {**common, **_texts(settings.section, prefix), **settings.kcl, **settings.own}
    named = _named(read_text(settings.path), environment)
    return tuple(Shown(key, value, "file" if key in named else "default") for key, value in sorted(values.items()))


def _named(text: str, environment: Mapping[str, str]) -> frozenset[str]:
    if effective.is_effective(text):
        return frozenset(effective.read(text))
    expanded = (properties.expand(entry, environment)[0] for entry in properties.parse(text)[0])
    # An empty value counts as none.
    return frozenset(properties.canonical(entry.key) for entry in expanded if entry.value)


def _texts(struct: msgspec.Struct, prefix: str) -> dict[str, str]:
    values: dict[str, object] = msgspec.to_builtins(struct)
    return {prefix + name: _text(value) for name, value in values.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return plain(value) if isinstance(value, int | float) else str(value)
