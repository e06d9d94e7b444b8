"""The consumers by name, each imported on first use: a shard's process imports only its own.

A caller that needs only the sections reads them here. So a consumer whose library is not installed does not affect the
others.
"""

import importlib
from collections.abc import Iterator, Mapping

from consumers.config.consumer import Consumer


class NotInstalled(Exception):
    """A library that the consumer needs is missing. The message names it and the remedy."""

    exit_code = 69


class Registered(Mapping[str, Consumer]):
    """A registry: the module `consumers.NAME` has the consumer NAME as an attribute of the same name in capitals."""

    def __init__(self, sections: Mapping[str, str]) -> None:
        """Store the section of each consumer, by name."""
        self.sections = dict(sections)

    def __getitem__(self, name: str) -> Consumer:
        """Import a consumer.

        Raises:
            KeyError: there is no consumer of this name.
            NotInstalled: a library that it needs is missing, or cannot be loaded.
        """
        section = self.sections[name]  # first: an unknown name raises KeyError and imports nothing
        try:
            module = importlib.import_module(f"consumers.{name}")
        except (ImportError, OSError) as fault:  # OSError: from a shared library
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
        """Return the number of consumers."""
        return len(self.sections)


def sections_of(consumers: Mapping[str, Consumer]) -> Mapping[str, str]:
    """Return the section of each consumer by name, without importing consumers of a registry."""
    if isinstance(consumers, Registered):
        return consumers.sections
    return {name: consumer.section for name, consumer in consumers.items()}
