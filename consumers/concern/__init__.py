"""The names to import for a concern that delivers each record by itself. docs/new-consumer.md shows how."""

from consumers.concern.declaration import Destination, concern
from consumers.concern.outbox import Item, Outbox
from consumers.concern.settings import ConcernSettings
from consumers.documents.document import Rejected
from consumers.waiting import Unavailable

__all__ = ["ConcernSettings", "Destination", "Item", "Outbox", "Rejected", "Unavailable", "concern"]
