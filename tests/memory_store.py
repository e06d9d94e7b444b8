"""An object store in memory, for tests and models: it passes the same contract suite as the real ones."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping

from consumers.chain.store import Entry, Found


class MemoryStore:
    """A bucket that honours the condition and nothing else."""

    def __init__(self) -> None:
        """Begin empty."""
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.clock_ms: Callable[[], float] = lambda: time.time() * 1000

    def put_new(self, key: str, body: bytes, metadata: Mapping[str, str], sha256: bytes) -> bool:
        """Store an object unless the key exists."""
        if key in self.objects:
            return False
        self.objects[key] = (body, dict(metadata))
        return True

    def swap(self, key: str, body: bytes, version: str | None) -> str | None:
        """Store an object where that version stands."""
        if version != (_version(self.objects[key][0]) if key in self.objects else None):
            return None
        self.objects[key] = (body, {})
        return _version(body)

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return an object's user metadata."""
        return self.objects[key][1] if key in self.objects else None

    def find(self, key: str) -> Found | None:
        """Return an object's bytes and version."""
        return Found(self.objects[key][0], _version(self.objects[key][0])) if key in self.objects else None

    def get(self, key: str) -> bytes:
        """Return an object's bytes; KeyError if there is none."""
        return self.objects[key][0]

    def remove(self, key: str) -> None:
        """Remove an object, if there is one."""
        self.objects.pop(key, None)

    def list(self, prefix: str) -> Iterator[Entry]:
        """Yield the objects whose keys begin with a prefix."""
        for key in sorted(key for key in self.objects if key.startswith(prefix)):
            yield Entry(key, len(self.objects[key][0]), _version(self.objects[key][0]))

    def now_ms(self) -> int:
        """Return the time by this store's clock."""
        return int(self.clock_ms())


def _version(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
