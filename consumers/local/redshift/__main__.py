"""The Redshift stand-in as a program. It serves until SIGTERM or SIGINT.

Run as ``python -m consumers.local.redshift --home DIR``. Once it answers, it writes ``redshift://localhost:PORT/DIR``
to the ready file. The folder holds the certificate of its authority (``ca.pem``) and the password of its user ``rs``
(``password``). Exit code 69: PostgreSQL is not installed.
"""

import argparse
import signal
import sys
import threading
from pathlib import Path

from consumers.local.ready import announce
from consumers.local.redshift.cluster import NoPostgres
from consumers.local.redshift.warehouse import CA_FILE, PASSWORD_FILE, Warehouse

_LACKING = 69


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m consumers.local.redshift", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of the certificate and the password")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free port")
    parser.add_argument("--data-api-port", type=int, default=0, help="0, the default, takes a free port")
    parser.add_argument("--ready-file", type=Path, help="file or named pipe that receives the endpoint once it answers")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--s3-endpoint", help="where COPY reads")
    where.add_argument("--s3-endpoint-file", type=Path, help="a file that says so")
    given = parser.parse_args()
    over = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: over.set())
    s3_endpoint = given.s3_endpoint or given.s3_endpoint_file.read_text().strip()
    home = given.home.resolve()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with Warehouse(s3_endpoint, given.port, given.data_api_port) as house:
            (home / CA_FILE).write_bytes(house.ca_file.read_bytes())
            (home / PASSWORD_FILE).touch(0o600)
            (home / PASSWORD_FILE).write_text(house.password)
            if given.ready_file:
                announce(given.ready_file, f"redshift://{house.host}:{house.port}{home}")
            over.wait()
    except NoPostgres as fault:
        sys.stderr.write(f"{fault}\n")
        raise SystemExit(_LACKING) from fault


if __name__ == "__main__":
    main()
