"""A consumer's keys as its settings declare them: a table for people, and a properties file to start from. Pure."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import Meta

from consumers.config.consumer import Consumer
from consumers.config.words import accepted, plain


class DeclaredKey(msgspec.Struct, frozen=True):
    """One key. `default` is None if a value is required; `example` is a value to start from."""

    key: str
    default: str | None
    accepts: str
    remedy: str
    example: str


def declared(consumer: Consumer) -> list[DeclaredKey]:
    """List a consumer's own keys, the required ones first."""
    keys = [_declared(consumer.section, field) for field in msgspec.structs.fields(consumer.settings)]
    return sorted(keys, key=lambda key: key.default is not None)


def reference(consumer: Consumer) -> str:
    """Return a properties file: required keys with an example, all others commented out with their defaults."""
    return "\n".join(_reference(consumer)) + "\n"


def _reference(consumer: Consumer) -> Iterator[str]:
    yield f"# {consumer.name}: what is commented out shows a default. See docs/configuration.md for the other keys."
    yield f"consumer = {consumer.name}"
    yield "streamName = player-events"
    yield f"applicationName = player-events-{consumer.name.replace('_', '-')}"
    for key in declared(consumer):
        yield ""
        yield f"# {key.remedy}. {key.accepts}."
        yield f"{key.key} = {key.example}" if key.example else f"#{key.key} = {key.default}".rstrip(" =")


def _declared(section: str, field: msgspec.structs.FieldInfo) -> DeclaredKey:
    meta = _meta(field.type)
    required = field.required
    example = str(meta.examples[0]) if meta.examples else ""
    default = None if required else _text(field.default)
    return DeclaredKey(
        f"{section}.{field.encode_name}", default, accepted(field.type), (meta.description or "").rstrip("."), example
    )


def _meta(annotation: object) -> Meta:
    found = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((one for one in found if isinstance(one, Meta)), Meta())


def _text(value: Any) -> str:  # noqa: ANN401 - any type of a key
    if isinstance(value, bool):
        return str(value).lower()
    return plain(value) if isinstance(value, int | float) else str(value)
