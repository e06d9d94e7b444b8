"""Dies of a certain payload, as a bug in a library below Python would have it."""

import os

from consumers.documents.decode import Limits, decode
from consumers.documents.document import Decoded, Rejected
from consumers.search import judge
from tests.child.broken import run

KILLS = b'{"event":"kills"}'


def _decode(payload: bytes, limits: Limits) -> Decoded | Rejected:
    if payload == KILLS:
        os.abort()
    return decode(payload, limits)


judge.decode = _decode  # type: ignore[attr-defined]

if __name__ == "__main__":
    run()
