"""Takes its CPU time for a certain payload, as a reader would that is slow for what strangers send."""

import time

from consumers.documents.decode import Limits, decode
from consumers.documents.document import Decoded, Rejected
from consumers.search import judge
from tests.child.broken import run

SLOW = b'{"slow":0.4}'
ENDLESS = b'{"slow":3600}'
_SECONDS = {SLOW: 0.4, ENDLESS: 3600.0}


def _decode(payload: bytes, limits: Limits) -> Decoded | Rejected:
    until = time.process_time() + _SECONDS.get(payload, 0)
    while time.process_time() < until:
        pass
    return Rejected("json_invalid", "slow") if payload in _SECONDS else decode(payload, limits)


judge.decode = _decode  # type: ignore[attr-defined]

if __name__ == "__main__":
    run()
