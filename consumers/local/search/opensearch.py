"""An embedded OpenSearch: one node on loopback, with its data in a folder.

Run as ``python -m consumers.local.search.opensearch --home DIR``. Once the JARs are verified,
this process becomes Java, so that it receives signals: SIGTERM closes the node, exit code 143.
Exit code 69: a JAR, Java or the JDK is missing or altered; the message gives the remedy.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from consumers.kcl.jars import Unavailable
from consumers.kcl.launcher import find_java
from consumers.local.search.program import Jars, class_path

HEAP = "256m"
# The server runs for minutes, so its start-up counts more than its speed: with the first compiler
# alone it starts in half the time.
_FLAGS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Dlog4j2.disable.jmx=true")


def command(version: Jars, home: Path, ready_file: Path | None, heap: str, settings: Sequence[str]) -> list[str]:
    """Return the command that runs a node in ``home``.

    Raises:
        Unavailable: a JAR, Java or the JDK is missing or altered.
    """
    # Libraries unpack themselves into this folder, and not into the shared temporary directory.
    java = (str(find_java()), f"-Xmx{heap}", *_FLAGS, f"-Djava.io.tmpdir={home / 'tmp'}")
    ready = "-" if ready_file is None else str(ready_file)
    return [*java, "-cp", class_path(version), "OpenSearchNode", str(home), ready, *settings]


def setting(text: str) -> str:
    """Return the text, or refuse it if it is no ``name=value``."""
    if not text.partition("=")[0] or "=" not in text:
        message = f"{text!r} is not of the form name=value"
        raise argparse.ArgumentTypeError(message)
    return text


def main() -> None:
    """Parse the command line and become the node."""
    default = Jars.default()
    parser = argparse.ArgumentParser(prog="python -m consumers.local.search.opensearch", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of the data; made if it is not there")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free port")
    parser.add_argument("--ready-file", type=Path, help="file or named pipe that receives the endpoint once it answers")
    parser.add_argument("--heap", default=HEAP, help=f"Java's largest heap, {HEAP} by default")
    parser.add_argument("--lib", type=Path, default=default.folder, help="folder of the JARs; else OPENSEARCH_LIB")
    parser.add_argument("--lock", type=Path, default=default.lock, help="SHA-256 of each JAR, as sha256sum writes it")
    parser.add_argument("settings", nargs="*", type=setting, metavar="setting=value", help="as in opensearch.yml")
    chosen = parser.parse_args()
    home = chosen.home.resolve()
    settings = [f"http.port={chosen.port}", *chosen.settings]
    try:
        line = command(Jars(chosen.lib, chosen.lock), home, chosen.ready_file, chosen.heap, settings)
    except Unavailable as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from error
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    os.execv(line[0], line)  # noqa: S606 - Java by its path


if __name__ == "__main__":
    main()
