"""Prepares the launch of a MultiLangDaemon from the settings: the files that it reads, and its command."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from consumers.config import effective
from consumers.config.faults import Fault, Faults
from consumers.config.settings import Settings
from consumers.kcl import heap, jars
from consumers.kcl.jars import Unavailable
from consumers.kcl.stopping import SIGN, leave_ms
from consumers.logs import TO_JOURNAL, to_journal

MAIN_CLASS = "software.amazon.kinesis.multilang.MultiLangDaemon"
PROPERTIES = "effective.properties"
LOGBACK = "logback.xml"
CLASSES = Path(__file__).with_name("java")
"""The folder of the fleet's own Java classes.

One is a class that Java no longer has and KCL needs: without it, a record that KCL cannot unpack ends the daemon for
good. Another ends a stop that KCL cannot end.
"""

_LEAST_JAVA = 17
_VERSION_TIMEOUT_S = 30
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600
# The priority of a line for the journal, as a pattern of logback escaped for XML.
_PRIORITY = "&lt;%replace(%replace(%replace(%level){'ERROR','3'}){'WARN','4'}){'INFO','6'}&gt;"


@dataclass(frozen=True, slots=True)
class Launch:
    """A command to run. ``command`` is the argument vector, ``environment`` what to add to the environment."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    properties: Path


def render(settings: Settings, directory: Path) -> Launch:
    """Write the effective properties and logback's file into ``directory``, and return the daemon's launch.

    Raises:
        Faults: a path holds a space: KCL splits the child's command on spaces, without quoting.
        Unavailable: Java 17 or a locked JAR is missing.

    """
    directory = directory.resolve()
    properties = directory / PROPERTIES
    own = {
        "executableName": executable(settings, properties),
        "processingLanguage": f"python/{sys.version_info.major}.{sys.version_info.minor}",
    }
    java = find_java()
    class_path = (*jars.class_path(jars.folder(), jars.locked()), CLASSES)
    _write(properties, effective.write({**settings.kcl, **own, **settings.own}))
    journal = to_journal()
    _write(directory / LOGBACK, _logging(settings, directory, journal=journal))
    flags = (*_flags(settings), f"-Dlogback.configurationFile={directory / LOGBACK}")
    joined = os.pathsep.join(str(jar) for jar in class_path)
    tail = ("-cp", joined, MAIN_CLASS, "--properties-file", str(properties))
    # KCL opens the pipes in the platform's charset.
    environment = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", TO_JOURNAL: "1" if journal else "0"}
    return Launch((str(java), *flags, *tail), environment, properties)


def _logging(settings: Settings, directory: Path, *, journal: bool) -> str:
    source = Path(__file__).with_name(LOGBACK).read_text(encoding="utf-8")
    times = leave_ms(settings.flush_timeout_s, settings.kcl)
    for name, value in zip(("@STOP@", "@CHILDREN@", "@ALL@"), (directory / SIGN, *times), strict=True):
        source = source.replace(name, escape(str(value)))
    return source.replace("<pattern>{", f"<pattern>{_PRIORITY}{{") if journal else source


def executable(settings: Settings, properties: Path) -> str:
    """Return the child's command, as KCL splits it.

    Raises:
        Faults: a part of it holds white space.

    """
    for part, remedy in (
        (sys.executable, "Install Python and its environment under a path without spaces"),
        (str(properties), "Set RUNTIME_DIRECTORY to a path without spaces"),
    ):
        if re.search(r"\s", part):
            problem = f"{part!r} holds a space, and KCL splits the child's command on spaces"
            raise Faults(settings.path, [Fault("executableName", problem, remedy)])
    return f"{sys.executable} -m consumers.child {properties}"


def _flags(settings: Settings) -> tuple[str, ...]:
    heap_mib = settings.jvm.heap_mib
    flags = [
        f"-Xmx{heap_mib}m",
        f"-Xmn{heap.young_mib(heap_mib)}m",
        "-Dfile.encoding=UTF-8",
        *settings.jvm.options,
    ]
    if _is_local(settings.kcl.get("kinesisEndpoint", "")):
        flags.append("-Daws.cborEnabled=false")
    return tuple(flags)


def _is_local(endpoint: str) -> bool:
    """Return whether the endpoint is a stand-in for Kinesis on this host: most of them do not read CBOR."""
    parts = urlsplit(endpoint)
    return parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}


def find_java() -> Path:
    """Return the path of the Java of JAVA_HOME, or of PATH.

    Raises:
        Unavailable: there is none, or it is older than 17.

    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    remedy = f"Install Java {_LEAST_JAVA} or later, or set JAVA_HOME to one."
    if found is None:
        message = f"no java {'in JAVA_HOME' if home else 'on PATH'}. {remedy}"
        raise Unavailable(message)
    try:
        answer = subprocess.run(  # noqa: S603 - the operator's own java
            [found, "-version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        message = f"{found} -version failed: {error}. {remedy}"
        raise Unavailable(message) from error
    version = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    if version is None or int(version[1]) < _LEAST_JAVA:
        message = f"{found} is Java {version[1] if version else 'unknown'}. {remedy}"
        raise Unavailable(message)
    return Path(found)


def runtime_folder(settings: Settings) -> Path:
    """Make and return a folder that only this user can read.

    It is systemd's RUNTIME_DIRECTORY, or a folder of this user's. It is the same at each start, so that restarts leave
    nothing behind.

    Raises:
        Unavailable: the folder belongs to another user, or others can enter it.

    """
    given = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{settings.application}-{settings.worker}")
    base = Path(tempfile.gettempdir()) / f"kinesis-fleet-{os.getuid()}"
    for folder in (base, base / name):
        folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        state = folder.lstat()
        mode = stat.S_IMODE(state.st_mode)
        if state.st_uid != os.getuid() or mode & 0o077 or not stat.S_ISDIR(state.st_mode):
            message = f"{folder} is open to others. Delete it, or set RUNTIME_DIRECTORY."
            raise Unavailable(message)
    return base / name


def _write(path: Path, text: str) -> None:
    half = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
    half.replace(path)
