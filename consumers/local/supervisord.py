"""The configuration of supervisord, controlled by a unix socket, without an open port."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# 0 and 143: drained after SIGTERM. 69 and 78: a missing program or a bad configuration, which
# another start would not fix (sysexits.h).
_FINAL_EXIT_CODES = "0,69,78,143"

_HEAD = """\
[supervisord]
nodaemon = true
silent = true
{user}logfile = supervisord.log
pidfile = {socket}.pid
childlogdir = .

[unix_http_server]
file = {socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

"""
_PROGRAM = """\
[program:{name}]
command = {command}
directory = {directory}
environment = {environment}
autostart = {autostart}
autorestart = unexpected
exitcodes = {exitcodes}
startsecs = {settles_s}
startretries = 2
stopsignal = TERM
stopwaitsecs = {stop_timeout_s}
stopasgroup = false
killasgroup = true
redirect_stderr = true
stdout_logfile = {name}.log
stdout_logfile_maxbytes = 0

"""


@dataclass(frozen=True, slots=True)
class Program:
    """One program.

    SIGTERM is sent only to the program itself, since its children must outlive it to drain. After
    ``stop_timeout_s``, its whole process group is killed.
    """

    name: str
    command: Sequence[str]
    stop_timeout_s: float
    autostart: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    """The program's own variables, besides those of supervisord."""
    settles_s: int = 0
    """A start that ends sooner is repeated twice, whatever its exit code: supervisord checks codes only after it."""


def configuration(programs: Sequence[Program], socket: Path) -> str:
    """Return the text of supervisord's configuration file.

    Log files are named without a directory, since supervisord expands ``%`` in their names twice: start
    it in the directory of the logs. The programs run in the present directory.
    """
    user = "user = root\n" if os.geteuid() == 0 else ""
    parts = [_HEAD.format(user=user, socket=_literal(socket))]
    parts += (
        _PROGRAM.format(
            name=program.name,
            command=_literal(shlex.join(program.command)),
            autostart=str(program.autostart).lower(),
            exitcodes=_FINAL_EXIT_CODES,
            settles_s=program.settles_s,
            stop_timeout_s=int(program.stop_timeout_s),
            directory=_literal(Path.cwd()),
            environment=_literal(",".join(f'{name}="{value}"' for name, value in program.environment.items())),
        )
        for program in programs
    )
    return "".join(parts)


def _literal(value: object) -> str:
    """Escape ``%``, since supervisord expands ``%(name)s``."""
    return str(value).replace("%", "%%")
