"""What a consumer declares about itself; the registry holds one of these per consumer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

CrossFaults = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Consumer:
    """One concern: a section of the properties file, and how to build its pipeline.

    ``name`` is the value of the key ``consumer``. Keys of the section are
    ``<section>.<field>``. ``settings`` is a struct whose ``Annotated[..., msgspec.Meta]``
    fields carry constraints and, as ``description``, the remedy shown for a wrong value.
    ``faults`` yields ``(key without section, what is wrong and what to do)`` for what no
    single field can tell. ``build`` makes the shard's pipeline in its child process.
    """

    name: str
    section: str
    settings: type[msgspec.Struct]
    faults: Callable[[Any], CrossFaults]
    build: Callable[..., Any]
