"""The stand-in as a program: it serves until it is told to stop."""

import argparse
import signal
import threading
from pathlib import Path

from consumers.local.redshift.warehouse import Warehouse


def main() -> None:
    """Serve on the ports that are given, and write the authority's certificate where it is asked for."""
    parser = argparse.ArgumentParser(prog="python -m consumers.local.redshift", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data-api-port", type=int, default=0)
    parser.add_argument("--s3-endpoint", required=True)
    parser.add_argument("--ca-file", type=Path, required=True, help="where the authority's certificate is written")
    given = parser.parse_args()
    over = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: over.set())
    with Warehouse(given.s3_endpoint, given.port, given.data_api_port) as house:
        given.ca_file.write_bytes(house.ca_file.read_bytes())
        over.wait()


if __name__ == "__main__":
    main()
