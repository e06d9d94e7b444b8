"""A child that stands still in one delivery until a test releases it, and logs each delivery before it is handled."""

import os
import sys
import time
from pathlib import Path

from consumers import child
from consumers.kcl.processor import ShardProcessor
from consumers.logs import logger

STEADY = 12
"""So many empty reads pass before the one that blocks."""
RELEASE = "release"
"""The file in RUNTIME_DIRECTORY that ends the blocking."""

_process = ShardProcessor.process_records
_empty = [0]


def _blocked(self, records, behind_ms, to, unreadable=()):  # type: ignore[no-untyped-def]
    logger().info("delivery", records=len(records), behind_ms=behind_ms)
    _empty[0] += not records
    if _empty[0] == STEADY and not records:
        logger().info("blocked")
        release = Path(os.environ["RUNTIME_DIRECTORY"]) / RELEASE
        while not release.exists():
            time.sleep(0.05)
        logger().info("released")
    _process(self, records, behind_ms, to, unreadable)


if __name__ == "__main__":
    ShardProcessor.process_records = _blocked  # type: ignore[method-assign]
    os._exit(child.main(sys.argv[1]))
