"""The process of one shard, started by the daemon: `python -m consumers.child EFFECTIVE.properties`.

stdin and stdout carry the protocol. Everything else goes to stderr, one JSON object a line.

Exit codes: 0 the daemon closed the pipe; 70 a bug, or a checkpoint that only a bug explains; 75 the process hung; 78 a
fault in the configuration.
"""

import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import BinaryIO

STDIN = 0
EX_SOFTWARE = 70
EX_CONFIG = 78


class DaemonGone(SystemExit):
    """The daemon has closed its end of the pipe, so no answer can be sent."""


def take_over_stdio() -> BinaryIO:
    """Keep the pipe for the protocol, and redirect all other output from stdout to stderr."""
    protocol = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return os.fdopen(protocol, "wb")


def ignore_signals() -> None:
    """Ignore SIGTERM and SIGINT, and leave stopping to the daemon.

    It asks by message. A signal to the whole process group must not interrupt a flush.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def pause(seconds: float) -> None:
    """Wait for so many seconds, and end the process if the daemon goes. The wait counts as a sign of life."""
    from consumers import alive  # noqa: PLC0415 - after stdio is taken over, as all imports

    alive.beat(seconds)
    poller = select.poll()
    poller.register(STDIN, 0)  # POLLHUP is always reported
    if poller.poll(seconds * 1000):
        raise DaemonGone(0)


def main(path: str) -> int:
    """Serve one shard until the daemon closes the pipe."""
    sink = take_over_stdio()
    ignore_signals()
    # Imported only here: what an import prints must not reach the protocol.
    from consumers import alive, metrics  # noqa: PLC0415
    from consumers.config.settings import Faults, load  # noqa: PLC0415
    from consumers.kcl.lines import LineReader  # noqa: PLC0415
    from consumers.logs import configure, logger, write_metrics  # noqa: PLC0415
    from consumers.registry import CONSUMERS  # noqa: PLC0415
    from consumers.shard import serve  # noqa: PLC0415

    try:
        settings = load(Path(path), CONSUMERS)
    except Faults as faults:
        configure("info")
        logger().error("config_refused", reason=str(faults), remedy="run kinesis-fleet check")
        return EX_CONFIG
    configure(settings.log_level)
    alive.watch(settings.stuck_s, logger())
    metrics.report(settings.application, settings.metrics_s, write_metrics)
    try:
        serve(settings, LineReader(STDIN), sink, time.monotonic, pause)
    except Exception as fault:  # noqa: BLE001 - the outermost handler: report what and where, without data
        logger().error(
            "exit",
            reason=f"{type(fault).__name__}: {fault}"[:500],
            where=[
                f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(fault.__traceback__)
            ],
            remedy="the daemon restarts and delivers again; report it as a bug if it recurs",
        )
        return EX_SOFTWARE
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1])
    sys.stderr.flush()
    os._exit(status)  # nothing is left to close, and an exit handler must not delay the other shards
