"""The program of an embedded OpenSearch: its JARs, each verified against the lock, and the compiled node."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from consumers.kcl import jars
from consumers.kcl.jars import Unavailable
from consumers.kcl.launcher import find_java

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(__file__).with_name("OpenSearchNode.java")
_COMPILE_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Jars:
    """A version of OpenSearch: the folder of its JARs, and their lock."""

    folder: Path
    lock: Path

    @classmethod
    def default(cls) -> "Jars":
        """Return the JARs that `make` fetched into this checkout, or those in ``OPENSEARCH_LIB``."""
        folder = os.environ.get("OPENSEARCH_LIB") or ROOT / ".cache" / "opensearch" / "lib"
        return cls(Path(folder), ROOT / "requirements" / "search" / "opensearch" / "jars.lock")


def class_path(version: Jars) -> str:
    """Verify the locked JARs, compile the node if needed, and return Java's class path.

    Raises:
        Unavailable: a JAR is missing or has changed, or no JDK compiles the node.
    """
    lock = jars.locked(version.lock)
    told = jars.differences(version.folder, lock)
    if told:
        remedy = "Run: make -B opensearch. Or set OPENSEARCH_LIB to a folder with the locked JARs."
        raise Unavailable("\n".join([*told, remedy]))
    paths = [version.folder / name for name in lock]
    return os.pathsep.join(map(str, (_node(version, paths), *paths)))


def _node(version: Jars, paths: list[Path]) -> Path:
    """Return the JAR of the compiled node, which is named after a digest of its inputs."""
    digest = hashlib.sha256(SOURCE.read_bytes() + version.lock.read_bytes()).hexdigest()
    node = version.folder.resolve().with_name(f"node-{digest[:16]}.jar")
    if not node.exists():
        try:
            _compile(node, paths)
        except OSError as error:
            message = f"{node} cannot be written: {error.strerror}. Make that folder writable."
            raise Unavailable(message) from error
    return node


def _compile(node: Path, paths: list[Path]) -> None:
    compiler = find_java().resolve().with_name("javac")
    if shutil.which(compiler) is None:
        message = f"no {compiler}. Install a JDK (Debian: openjdk-17-jdk-headless), or set JAVA_HOME to one."
        raise Unavailable(message)
    with tempfile.TemporaryDirectory(dir=node.parent) as made:
        classes, half = Path(made, "classes"), Path(made, "node.jar")
        command = [str(compiler), "-nowarn", "-d", str(classes), "-cp", os.pathsep.join(map(str, paths)), str(SOURCE)]
        done = subprocess.run(  # noqa: S603 - the operator's own JDK
            command, capture_output=True, text=True, timeout=_COMPILE_TIMEOUT_S, check=False
        )
        if done.returncode:
            message = f"{compiler} refuses {SOURCE}: {done.stderr.strip()}"
            raise Unavailable(message)
        with zipfile.ZipFile(half, "w") as jar:
            for compiled in sorted(classes.rglob("*.class")):
                jar.write(compiled, compiled.relative_to(classes))
        # Two processes that compile at once make the same JAR.
        half.replace(node)
