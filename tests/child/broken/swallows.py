"""Does what kclpy does: an exception in a callback is answered with a `status`."""

from consumers.kcl.processor import ShardProcessor
from tests.child.broken import run

_process = ShardProcessor.process_records
_calls = [0]


def _swallowing(self, records, behind_ms, to, unreadable=()):  # type: ignore[no-untyped-def]
    _calls[0] += 1
    try:
        if _calls[0] == 1:
            message = "a bug"
            raise ValueError(message)
        _process(self, records, behind_ms, to, unreadable)
    except ValueError:
        pass


ShardProcessor.process_records = _swallowing  # type: ignore[method-assign]

if __name__ == "__main__":
    run()
