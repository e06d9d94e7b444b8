"""Holds the archive back while the search server is away, as a chain of destinations does."""

import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from consumers.chain.chain import Chain
from consumers.waiting import Unavailable
from tests.child.broken import run

_write = Chain.write


def _after_the_other(self, batch):  # type: ignore[no-untyped-def]
    try:
        urlopen(Path(sys.argv[1]).with_name("search.url").read_text(), timeout=1).close()  # noqa: S310 - a test's own server
    except URLError as fault:
        raise Unavailable("the other destination is away") from fault
    return _write(self, batch)


Chain.write = _after_the_other  # type: ignore[method-assign]

if __name__ == "__main__":
    run()
