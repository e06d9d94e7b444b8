"""Consumers by name, each imported when it is asked for: a shard's process pays for its own alone.

Whoever needs only the sections of the others reads them here: a consumer whose library is not installed harms nobody
else.
"""

import importlib
from collections.abc import Iterator, Mapping

from consumers.config.consumer import Consumer


class NotInstalled(Exception):
    """The consumer's own library is missing; the message says which, and what to do."""

    exit_code = 69


class Registered(Mapping[str, Consumer]):
    """The module `consumers.NAME` holds the consumer NAME as an attribute of the same name in capitals."""

    def __init__(self, sections: Mapping[str, str]) -> None:
        """Say which consumers there are, with the section of each."""
        self.sections = dict(sections)

    def __getitem__(self, name: str) -> Consumer:
        """Import a consumer.

        Raises:
            KeyError: there is none of this name.
            NotInstalled: a library that it needs is missing, or cannot be loaded itself.

        """
        section = self.sections[name]  # first: a name that nobody knows is a KeyError, and no module
        try:
            module = importlib.import_module(f"consumers.{name}")
        except (ImportError, OSError) as fault:  # OSError: of a library that is not Python
            missing = (fault.name or "") if isinstance(fault, ModuleNotFoundError) else ""
            if missing.partition(".")[0] == "consumers":
                raise
            needs = f"the package {missing}, which is not installed" if missing else f"what cannot be loaded: {fault}"
            remedy = "Install it, or the extra of kinesis-fleet that brings it; the other consumers do without."
            message = f"{name} needs {needs}. {remedy}"
            raise NotInstalled(message) from fault
        consumer: Consumer = getattr(module, name.upper())
        if (consumer.name, consumer.section) != (name, section):
            message = f"consumers/{name}.py declares {consumer.name} and {consumer.section}, the registry {section}"
            raise RuntimeError(message)
        return consumer

    def __iter__(self) -> Iterator[str]:
        """Yield the names, in the order of the registry."""
        return iter(self.sections)

    def __len__(self) -> int:
        """Count the names."""
        return len(self.sections)


def sections_of(consumers: Mapping[str, Consumer]) -> Mapping[str, str]:
    """Give the section of each consumer by its name. None of a registry is imported for it."""
    if isinstance(consumers, Registered):
        return consumers.sections
    return {name: consumer.section for name, consumer in consumers.items()}
