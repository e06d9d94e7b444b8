"""The embedded OpenSearch: it starts only out of JARs as they were locked, on loopback, and ends on SIGTERM."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from consumers.kcl import jars
from consumers.kcl.jars import Unavailable
from consumers.local.search import program
from consumers.local.search.program import Jars, class_path
from tests.support.search import SearchNode, opensearch

MODULE = (sys.executable, "-m", "consumers.local.search.opensearch")
FAKE_JAVA = "#!/bin/sh\necho 'openjdk version \"17.0.1\"'\n"


def started(home: Path, ready: Path, *more: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start the program as supervisord does, and await what it writes into its named pipe."""
    os.mkfifo(ready)
    process = subprocess.Popen([*MODULE, "--home", str(home), "--ready-file", str(ready), *more])
    # A server that fails to start would leave the pipe without a writer, and us waiting.
    alarm = threading.Timer(60, process.kill)
    alarm.start()
    with ready.open() as pipe:
        endpoint = pipe.readline().strip()
    alarm.cancel()
    return process, endpoint


def refused(*arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run the program where it must not start; its exit code and what it says."""
    whole = {**os.environ, **(environment or {})}
    done = subprocess.run([*MODULE, *arguments], env=whole, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def mortal() -> Iterator[SearchNode]:
    """A node that these tests may kill."""
    with opensearch() as node:
        yield node


@pytest.fixture
def node(mortal: SearchNode) -> SearchNode:
    """That node, with nothing in it."""
    mortal.reset()
    return mortal


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """The JARs, in a folder of the test's own."""
    folder = tmp_path / "lib"
    shutil.copytree(Jars.default().folder, folder)
    yield folder
    shutil.rmtree(folder)


def test_it_tells_its_endpoint_serves_on_loopback_alone_and_ends_on_sigterm(tmp_path: Path) -> None:
    """The pipe gets a line once the node answers; SIGTERM reaches Java itself, exit code 143."""
    process, endpoint = started(tmp_path / "home", tmp_path / "ready", "network.host=0.0.0.0")
    try:
        with urllib.request.urlopen(endpoint) as answer:  # noqa: S310 - our own server
            assert answer.status == 200
        host, _, port = endpoint.rpartition("/")[2].partition(":")
        assert host == "127.0.0.1"
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", int(port)), 5):
            pass  # what listens on every address listens on this one, too
    finally:
        process.terminate()
        assert process.wait(30) in {128 + signal.SIGTERM, -signal.SIGTERM}


def test_an_acknowledged_document_survives_kill_9(node: SearchNode) -> None:
    """A node that is killed and started again in its folder, at its port, has what it acknowledged."""
    node.expect("PUT", "/events/_create/1", {"a": 1})
    node.kill()
    node.restart()
    assert node.documents("events") == {"1": {"a": 1}}


def test_a_reset_node_holds_nothing(node: SearchNode) -> None:
    """Indices under a block, data streams, templates of ours and settings of the cluster are gone."""
    stream = {"index_patterns": ["stream-*"], "data_stream": {}}
    node.expect("PUT", "/_index_template/kinesis-fleet-one", stream)
    node.expect("PUT", "/stream-1/_create/1", {"@timestamp": 0})
    node.expect("PUT", "/events/_create/1", {"a": 1})
    node.settings("events", {"index.blocks.read_only_allow_delete": True})
    node.cluster({"action.auto_create_index": False})
    assert node.count() == 2
    node.reset()
    assert node.documents() == {}
    assert node.expect("GET", "/_cluster/settings") == {"persistent": {}, "transient": {}}
    assert node.expect("GET", "/_index_template")["index_templates"] == []


def test_the_locked_jars_are_taken() -> None:
    """The negative control of the refusals: all 55, and the compiled node before them."""
    paths = class_path(Jars.default()).split(os.pathsep)
    assert len(paths) == 56
    assert Path(paths[0]).name.startswith("node-")


def test_a_tampered_jar_is_refused_by_name(copy: Path, tmp_path: Path) -> None:
    """One byte more is enough; the message says what to do, and no data folder is made."""
    with (copy / "jna-5.13.0.jar").open("ab") as jar:
        jar.write(b"\0")
    code, told = refused("--home", str(tmp_path / "home"), environment={"OPENSEARCH_LIB": str(copy)})
    assert code == jars.EX_UNAVAILABLE
    assert f"{copy / 'jna-5.13.0.jar'} has changed" in told
    assert "make -B opensearch" in told
    assert not (tmp_path / "home").exists()


def test_missing_jars_are_named(tmp_path: Path) -> None:
    """Without the JARs the message names the command that fetches them."""
    code, told = refused("--home", str(tmp_path / "home"), "--lib", str(tmp_path / "nowhere"))
    assert code == jars.EX_UNAVAILABLE
    assert f"{tmp_path / 'nowhere'}/opensearch-2.19.6.jar is missing" in told
    assert "make -B opensearch" in told


def test_a_jar_that_is_not_locked_stays_off_the_class_path(copy: Path) -> None:
    """What somebody dropped into the folder is never loaded."""
    (copy / "a-dropped.jar").write_bytes(b"")
    version = Jars(copy, Jars.default().lock)
    assert "a-dropped.jar" not in class_path(version)


def test_a_missing_jdk_is_named(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Java that only runs does not compile the node: the message names the package."""
    java = tmp_path / "jre" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(FAKE_JAVA)
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jre"))
    with pytest.raises(Unavailable, match=r"no .*/jre/bin/javac\. Install a JDK .*openjdk-17-jdk-headless"):
        class_path(Jars(copy, Jars.default().lock))


def test_a_missing_java_is_named(tmp_path: Path) -> None:
    """Exit code 69, and what to install."""
    code, told = refused("--home", str(tmp_path / "home"), environment={"JAVA_HOME": str(tmp_path)})
    assert code == jars.EX_UNAVAILABLE
    assert "Install Java 17" in told


def test_the_node_is_compiled_once(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start finds what the first has compiled; another source would be compiled again."""
    version = Jars(copy, Jars.default().lock)
    first = class_path(version)
    monkeypatch.setattr(program, "_compile", lambda *_: pytest.fail("compiled again"))
    assert class_path(version) == first


def test_a_setting_without_a_value_is_wrong_usage(tmp_path: Path) -> None:
    """Exit code 2, before anything starts."""
    code, told = refused("--home", str(tmp_path / "home"), "http.port")
    assert code == 2
    assert "'http.port' is not of the form name=value" in told
