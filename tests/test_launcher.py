"""What becomes a running daemon: its files, its command, its log lines."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import javaproperties
import pytest

from consumers.config.faults import Faults
from consumers.kcl import heap, jars, launcher
from consumers.kcl.jars import Unavailable
from consumers.kcl.stopping import SIGN, Sign
from tests.config.sample import settings

LOGGING = """
import org.slf4j.LoggerFactory;

public class Logging {
    public static void main(String[] arguments) {
        String multilang = "software.amazon.kinesis.multilang.";
        LoggerFactory.getLogger("software.amazon.kinesis.lifecycle.ProcessTask")
                .error("ShardId {}: Skipping over the following data records: {}", "s-1", "[SECRET\\nSECRET]");
        LoggerFactory.getLogger("quotes").warn("a \\"quoted\\" \\\\ text\\twith {}", "\\u00fc",
                new IllegalStateException(
                        "Cannot write message {\\"data\\": \\"SECRET\\"} because writer is closed for shard s-1"));
        LoggerFactory.getLogger("quiet").info("SECRET");
        LoggerFactory.getLogger("software.amazon.kinesis.worker.WorkerMetricsSelector").warn("SECRET");
        for (String name : new String[] {"DrainChildSTDERRTask", "MessageWriter", "GetNextMessageTask"}) {
            LoggerFactory.getLogger(multilang + name).error("SECRET");
        }
        LoggerFactory.getLogger("long").warn("{}", "\\"".repeat(9000));
        LoggerFactory.getLogger(multilang + "MultiLangDaemon").info("Process terminated, will initiate shutdown.");
        System.err.println("{\\"event\\": \\"a child's own line\\"}");
    }
}
"""


def test_the_effective_file_is_private_and_complete(tmp_path: Path) -> None:
    """KCL's keys, ours, and the child's command stand in one file that only its owner reads."""
    loaded = settings(tmp_path)
    launch = launcher.render(loaded, tmp_path)
    assert stat.S_IMODE(launch.properties.stat().st_mode) == 0o600
    written = javaproperties.loads(launch.properties.read_bytes())
    expected = {**loaded.kcl, **loaded.own}
    assert {key: written[key] for key in expected} == expected
    command = f"{sys.executable} -m consumers.child {launch.properties}"
    assert written["executableName"] == command
    assert set(written) - set(expected) == {"executableName", "processingLanguage"}


def test_the_command_is_made_of_the_locked_jars(tmp_path: Path) -> None:
    """Heap, encoding, logging and class path are the launcher's."""
    launch = launcher.render(settings(tmp_path, {"jvm.shards": "2"}), tmp_path)
    command = launch.command
    assert command[1:4] == ("-Xmx308m", "-Xmn205m", "-Dfile.encoding=UTF-8")
    assert f"-Dlogback.configurationFile={tmp_path / 'logback.xml'}" in command
    class_path = command[command.index("-cp") + 1].split(os.pathsep)
    assert [Path(jar).name for jar in class_path] == [*jars.locked(), "java"]
    assert command[-3:] == (launcher.MAIN_CLASS, "--properties-file", str(launch.properties))
    assert launch.environment["LANG"] == "C.UTF-8"


@pytest.mark.parametrize(
    ("endpoint", "off"),
    [
        ("http://127.0.0.1:4567", True),
        ("http://localhost:4567/", True),
        ("https://127.0.0.1:4567", False),
        ("http://kinesis.internal", False),
        (None, False),
    ],
)
def test_cbor_is_off_only_for_a_stand_in_on_this_host(tmp_path: Path, endpoint: str | None, *, off: bool) -> None:
    """The real Kinesis answers CBOR, which costs the JVM less."""
    launch = launcher.render(settings(tmp_path, {"kinesisEndpoint": endpoint}), tmp_path)
    assert ("-Daws.cborEnabled=false" in launch.command) is off


def test_a_path_with_a_space_is_refused(tmp_path: Path) -> None:
    """KCL would split the child's command in it."""
    folder = tmp_path / "with space"
    folder.mkdir()
    with pytest.raises(Faults, match="Set RUNTIME_DIRECTORY to a path without spaces"):
        launcher.render(settings(tmp_path), folder)


def _java(folder: Path, version: str) -> None:
    script = folder / "bin" / "java"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    script.chmod(0o755)


@pytest.mark.parametrize(
    ("version", "told"),
    [("11.0.2", "is Java 11"), ("1.8.0_402", "is Java 8"), ("", "is Java unknown")],
)
def test_an_old_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, told: str) -> None:
    """The message names the Java that was found, and what to install."""
    _java(tmp_path, version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(Unavailable, match=f"{told}. Install Java 17 or later"):
        launcher.find_java()


def test_java_17_and_later_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAVA_HOME goes before PATH."""
    _java(tmp_path, "25")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert launcher.find_java() == tmp_path / "bin" / "java"


def test_no_java_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clear error, no traceback."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="no java on PATH"):
        launcher.find_java()


def test_the_runtime_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of systemd is taken as it is; among temporary files, an open one is refused."""
    loaded = settings(tmp_path)
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/a:/run/b")
    assert launcher.runtime_folder(loaded) == Path("/run/a")
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = launcher.runtime_folder(loaded)
    assert launcher.runtime_folder(loaded) == folder
    folder.chmod(0o755)
    with pytest.raises(Unavailable, match="is open to others"):
        launcher.runtime_folder(loaded)


def test_the_heap_grows_with_the_shards() -> None:
    """Eight shards of full batches need far more than the 512 MiB that died of OutOfMemoryError."""
    assert [heap.needed_mib(shards, 10_000) for shards in (1, 8, 64)] == [218, 848, 5888]


@pytest.mark.skipif(shutil.which("javac") is None, reason="needs a JDK")
def test_the_jvms_lines_are_json_without_data(tmp_path: Path) -> None:
    """Every line parses, none holds what a record held, and a child's line passes once, as is."""
    source = tmp_path / "Logging.java"
    source.write_text(LOGGING)
    (tmp_path / SIGN).write_text("of the start before\n")
    launch = launcher.render(settings(tmp_path), tmp_path)
    flags = launch.command[1 : launch.command.index(launcher.MAIN_CLASS)]
    answer = subprocess.run([launch.command[0], *flags, str(source)], capture_output=True, text=True, check=True)
    assert "SECRET" not in answer.stderr + answer.stdout
    lines: list[dict[str, str]] = [json.loads(line) for line in answer.stderr.splitlines()]
    assert [line.get("logger") for line in lines] == [
        "software.amazon.kinesis.lifecycle.ProcessTask",
        "quotes",
        "long",
        "software.amazon.kinesis.multilang.MultiLangDaemon",
        None,
    ]
    assert lines[0]["event"].endswith("data records: [withheld]")
    assert lines[1]["event"].startswith('a "quoted" \\ text with \u00fc | java.lang.Illegal')
    assert lines[2]["event"] == '"' * 1800  # escaped, it has room in a field of the journal
    assert lines[4] == {"event": "a child's own line"}
    # What the daemon says at its end is the sign for the shards' processes, and nothing else is; a start empties it.
    assert Sign(tmp_path / SIGN, 10, lambda: 0.0).deadline() is not None
    assert (tmp_path / SIGN).read_text().count("\n") == 1
