"""Real Elasticsearch: the distribution for integration tests, which Maven fetches, with GET / put back."""

import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.servers import ROOT

FOLDER = ROOT / ".cache" / "search-servers"
NOBODY = 65534
"""Elasticsearch refuses to run as root; root runs it as this user."""

_REST_ROOT = Path(__file__).with_name("rest_root")
_JVM = """\
-Xms{heap}
-Xmx{heap}
-XX:+UseSerialGC
-XX:TieredStopAtLevel=1
-Djava.io.tmpdir={home}/tmp
"""
_SETTINGS = """\
cluster.name: local
node.name: local
network.host: 127.0.0.1
transport.port: 0
discovery.type: single-node
path.data: {home}/data
path.logs: {home}/logs
xpack.security.enabled: false
xpack.ml.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
action.destructive_requires_name: false
"""


def distribution(version: str, jdk: Path) -> Path | None:
    """Unpack a version and put GET / back, once; None when `make test-search-servers` has not fetched it."""
    archive, home = FOLDER / f"elasticsearch-{version}.zip", FOLDER / f"elasticsearch-{version}"
    if home.exists() or not archive.exists():
        return home if home.exists() else None
    with tempfile.TemporaryDirectory(dir=FOLDER) as made:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(made)
        half = Path(made, home.name)
        _add_root(half, version, jdk)
        half.rename(home)
    return home


def command(distributed: Path, home: Path, port: int, heap: str, settings: Sequence[str]) -> Sequence[str]:
    """Prepare `home`, and give what runs a node there as the user of `runs_as`."""
    for folder in ("data", "logs", "tmp"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    if not (home / "config").exists():
        shutil.copytree(distributed / "config", home / "config")
        (home / "config" / "jvm.options").write_text(_JVM.format(heap=heap, home=home))
        (home / "config" / "elasticsearch.yml").write_text(_SETTINGS.format(home=home))
        if runs_as() is not None:
            for path in (home.parent, home, *home.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
    chosen = [f"-E{setting}" for setting in (f"http.port={port}", *settings)]
    return ["bash", str(distributed / "bin" / "elasticsearch"), *chosen]


def environment(home: Path, jdk: Path) -> dict[str, str]:
    """Give what the start script needs."""
    paths = {"ES_JAVA_HOME": jdk, "ES_PATH_CONF": home / "config", "ES_TMPDIR": home / "tmp", "HOME": home}
    return {name: str(path) for name, path in paths.items()}


def runs_as() -> int | None:
    """Tell the user that Elasticsearch has to be; None for the one that we are."""
    return NOBODY if os.geteuid() == 0 else None


def _add_root(home: Path, version: str, jdk: Path) -> None:
    major = version.partition(".")[0]
    release = "17" if major == "8" else "21"
    module = home / "modules" / "local-rest-root"
    sources = [str(_REST_ROOT / "Root.java"), str(_REST_ROOT / f"v{major}" / "RestRootPlugin.java")]
    with tempfile.TemporaryDirectory() as classes:
        options = ["-nowarn", "--release", release, "-d", classes, "-cp", str(home / "lib" / "*")]
        done = subprocess.run(
            [str(jdk / "bin" / "javac"), *options, *sources], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        module.mkdir()
        with zipfile.ZipFile(module / "local-rest-root.jar", "w") as jar:
            for compiled in sorted(Path(classes).rglob("*.class")):
                jar.write(compiled, compiled.relative_to(classes))
    described = {
        "description": "GET /",
        "version": version,
        "name": "local-rest-root",
        "java.version": release,
        "elasticsearch.version": version,
        "classname": "local.RestRootPlugin",
    }
    lines = [f"{name}={value}\n" for name, value in described.items()]
    (module / "plugin-descriptor.properties").write_text("".join(lines))
