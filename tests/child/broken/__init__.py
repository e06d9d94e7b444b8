"""Children with a seeded bug, for negative controls: each module is run in the place of `consumers.child`."""

import os
import sys

from consumers import child


def run() -> None:
    """Run the child as it is after the module above has broken it."""
    os._exit(child.main(sys.argv[1]))
