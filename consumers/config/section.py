"""Conversion of texts to a struct, field by field, so that all faults are found at once."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, TypeVar, get_args, get_origin

import msgspec

from consumers.config.faults import Fault
from consumers.config.keys import nearest
from consumers.config.properties import Entry
from consumers.config.words import COMMENT, COMMENT_REMEDY, free_text, holds_comment, refusal

S = TypeVar("S", bound=msgspec.Struct)


def convert(
    struct: type[S],
    prefix: str,
    entries: Mapping[str, Entry],
) -> tuple[S | None, list[Fault]]:
    """Make a ``struct`` of ``entries``, whose keys are ``prefix`` and a field's encoded name.

    Returns the struct, or None if there are faults, and the faults.
    """
    faults = list(_faults(struct, prefix, entries))
    if faults:
        return None, faults
    values = {key.removeprefix(prefix): entry.value for key, entry in entries.items()}
    try:
        return msgspec.convert(values, struct, strict=False), []
    except msgspec.ValidationError as error:
        problem = f"cannot be read: {error}"
        return None, [Fault(prefix.rstrip("."), problem, "Correct the section as a whole")]


def readable(struct: type[S], prefix: str, entries: Mapping[str, Entry], wrong: Collection[str]) -> S:
    """Make a ``struct`` of the readable entries, so that rules across fields find their faults too.

    A wrong field has its default, or an empty text if it has none. Its own fault is reported elsewhere.
    """
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(struct):
        key = prefix + field.encode_name
        if key in entries and key not in wrong:
            values[field.name] = msgspec.convert(entries[key].value, field.type, strict=False)
        elif field.required:
            values[field.name] = ""
    return struct(**values)


def _faults(
    struct: type[msgspec.Struct],
    prefix: str,
    entries: Mapping[str, Entry],
) -> Iterator[Fault]:
    fields = {prefix + field.encode_name: field for field in msgspec.structs.fields(struct)}
    for key, entry in entries.items():
        if key not in fields:
            yield unknown(entry, fields)
            continue
        annotation = fields[key].type
        if holds_comment(entry.value) and not free_text(annotation):
            yield Fault(key, COMMENT, COMMENT_REMEDY, entry.line)
            continue
        try:
            msgspec.convert(entry.value, annotation, strict=False)
        except msgspec.ValidationError:
            yield Fault(key, refusal(entry.value, annotation), _remedy(annotation), entry.line)
    for key, field in fields.items():
        if field.required and key not in entries:
            yield Fault(key, "is missing", _remedy(field.type))


def unknown(entry: Entry, known: Mapping[str, object]) -> Fault:
    """Return the fault of an unknown key, with the key that it may have meant."""
    guess = nearest(entry.key, known)
    remedy = f"Write {guess}" if guess else "Delete it, or correct its name"
    return Fault(entry.key, "is not a known key", remedy, entry.line)


def _remedy(annotation: object) -> str:
    if get_origin(annotation) is Annotated:
        for meta in get_args(annotation)[1:]:
            if isinstance(meta, msgspec.Meta) and meta.description:
                return meta.description.rstrip(".")
    return "Give a value of that kind"
