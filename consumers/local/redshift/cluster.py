"""A PostgreSQL server as a child process, in a temporary folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from consumers.local.redshift.wire import Backend

START_S = 60.0
FOLDERS = Path("/usr/lib/postgresql")
_BOOT = """
create schema rs_internal;
create domain public.super as jsonb;
create sequence rs_internal.query_id;
create table public.sys_load_error_detail(
  user_id int, query_id bigint, transaction_id bigint, session_id int, database_name char(64), table_id int,
  start_time timestamp, file_name char(256), line_number bigint, column_name char(127), column_type char(10),
  column_length char(10), position int, error_code int, error_message char(512));
create function public.pg_last_copy_count() returns bigint language sql as
  $$select coalesce(nullif(current_setting('rs.copy_count', true), '')::bigint, 0)$$;
create function public.pg_last_copy_id() returns bigint language sql as
  $$select coalesce(nullif(current_setting('rs.copy_id', true), '')::bigint, -1)$$;
create function public.getdate() returns timestamp language sql stable as
  $$select date_trunc('second', clock_timestamp() at time zone 'UTC')::timestamp$$;
create function public.json_parse(text) returns jsonb language sql immutable as $$select $1::jsonb$$;
"""
_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "timezone": "UTC",
    "default_transaction_isolation": "repeatable read",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "deadlock_timeout": "200ms",
    "logging_collector": "off",
    "log_min_messages": "fatal",
}


class NoPostgres(Exception):
    """PostgreSQL is not installed."""


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs.

    Raises:
        NoPostgres: there are none.
    """
    folders = sorted(FOLDERS.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    message = (
        "PostgreSQL is not installed, which stands behind the Redshift of this machine: apt-get install postgresql"
    )
    raise NoPostgres(message)


class Cluster:
    """A PostgreSQL without passwords. Its socket is in a folder that belongs to its own account."""

    def __init__(self) -> None:
        """Find the programs; `start` makes the folder."""
        self._bin = binaries()
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = Path()

    def start(self) -> None:
        """Create and start the cluster. It ends with this process."""
        folder = self._folder = Path(tempfile.mkdtemp(prefix="redshift-", dir="/tmp"))
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = folder / "data"
        made: list[str | Path] = [
            self._bin / "initdb",
            "-D",
            data,
            "-U",
            "rs",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run(_as_postgres(made), check=True, stdout=subprocess.DEVNULL, cwd=folder)  # noqa: S603 - found above
        self.socket = folder / ".s.PGSQL.5432"
        options = [part for key, value in _OPTIONS.items() for part in ("-c", f"{key}={value}")]
        listen = ["-p", "5432", "-c", "listen_addresses=", "-k", str(folder)]
        command = _as_postgres([self._bin / "postgres", "-D", data, *listen, *options])
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)  # noqa: S603
        self._await()
        for database in ("template1", "postgres"):
            backend = Backend(self.socket, {"user": "rs", "database": database})
            backend.query(_BOOT)
            backend.close()

    def create(self, database: str) -> None:
        """Create an empty database."""
        backend = Backend(self.socket, {"user": "rs", "database": "postgres"})
        backend.query(f'create database "{database}"')
        backend.close()

    def stop(self) -> None:
        """Stop the cluster and remove its folder."""
        if self._process:
            self._process.send_signal(3)  # SIGQUIT: at once, since no data is kept
            self._process.wait(30)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _await(self) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self._process and self._process.poll() is not None:
                break
            try:
                backend = Backend(self.socket, {"user": "rs", "database": "postgres"})
            except OSError:
                time.sleep(0.05)  # PostgreSQL sends no signal when it listens
                continue
            backend.close()
            if backend.hello[-1][0] == b"Z":
                return
            time.sleep(0.05)
        message = "PostgreSQL did not start"
        raise RuntimeError(message)


def _as_postgres(command: list[str | Path]) -> list[str | Path]:
    """Return the command to run as the user postgres, since PostgreSQL refuses root, and to end with its parent."""
    drop: list[str | Path] = ["setpriv", "--pdeathsig", "QUIT"]
    if os.geteuid() == 0:
        drop += ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return [*drop, *command]
