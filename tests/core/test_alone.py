"""One workerId, one daemon: on a host the second is refused, across hosts the first one says who the other is."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumers.config.settings import load
from consumers.kcl.alone import AlreadyRuns, hold
from consumers.kcl.rivals import RUN, WrittenRuns
from consumers.registry import CONSUMERS
from tests.memory_store import MemoryStore
from tests.support.archive import write_properties
from tests.support.servers import ROOT
from tests.support.staging import Heard

OURS = {"workerId": f"worker-{os.getpid()}"}
"""Other runs of these tests may go on on this host, and the name belongs to all of it."""
HOLDS = """
import os, sys
from pathlib import Path
from consumers.config.settings import load
from consumers.config.settings import load
from consumers.kcl.alone import hold
from consumers.registry import CONSUMERS
held = hold(load(Path(sys.argv[1]), CONSUMERS))
os.execv("/bin/sh", ["sh", "-c", "echo held; exec sleep 600"])
"""


@contextmanager
def held(properties: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that has become another program with it."""
    command = [sys.executable, "-c", HOLDS, str(properties)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_daemon_of_a_worker_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its runtime folder is, also when the first is another program by now; once that is killed it is free."""
    properties = write_properties(tmp_path, "http://127.0.0.1:9", **OURS)
    mine = load(properties, CONSUMERS)
    with held(properties) as first:
        monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
        with pytest.raises(AlreadyRuns) as refused:
            hold(mine)
        assert refused.value.exit_code == 69
        for words in (mine.worker, mine.application, f"process {first.pid}", "Remedy: stop that one"):
            assert words in str(refused.value)
        for other in ({"workerId": "another"}, {"applicationName": "another"}, {"dynamoDBEndpoint": "http://h:1"}):
            with held(write_properties(tmp_path, "http://127.0.0.1:9", **{**OURS, **other})):
                pass
    with hold(mine), pytest.raises(AlreadyRuns, match=f"process {os.getpid()}"):
        hold(mine)
    hold(mine).close()


def runs(store: MemoryStore, heard: Heard) -> WrittenRuns:
    """Give what a host sees of a worker's starts."""
    return WrittenRuns(store, "app", "worker/1", heard)


def begin(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, host: str) -> Mapping[str, str]:
    """Start a daemon on a host; the variables of its processes."""
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    return {RUN: runs(store, Heard()).begin()}


def test_the_first_of_two_hosts_says_who_the_second_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose daemon was not the last to start under this id names both hosts, as an error; no other does."""
    store = MemoryStore()
    first = begin(store, monkeypatch, "host-1")
    second = begin(store, monkeypatch, "host-2")
    for environment, host, said in ((second, "host-2", []), (first, "host-1", [["host-1", "host-2"]])):
        monkeypatch.setenv(RUN, environment[RUN])
        monkeypatch.setattr(socket, "gethostname", lambda host=host: host)
        heard = Heard()
        runs(store, heard).look()
        assert [fields["hosts"] for fields in heard.of("worker_doubled")] == said
        assert [level for level, _, _ in heard.lines] == ["error"] * len(said)


def test_a_restart_on_the_same_host_is_no_rival(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes of the new start find their own; without a daemon of ours nobody asks."""
    store, heard = MemoryStore(), Heard()
    begin(store, monkeypatch, "host-1")
    monkeypatch.setenv(RUN, begin(store, monkeypatch, "host-1")[RUN])
    runs(store, heard).look()
    monkeypatch.delenv(RUN)
    runs(store, heard).look()
    store.objects.clear()
    monkeypatch.setenv(RUN, "x")
    runs(store, heard).look()
    assert heard.lines == []


@pytest.mark.parametrize("body", [b"", b"{", b'{"run":"\xff","host":"h","startedMs":1}', b'{"a":' + b"[" * 100_000])
def test_what_is_damaged_says_nothing(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    """A shard begins all the same: nothing depends on who else runs."""
    store, heard = MemoryStore(), Heard()
    monkeypatch.setenv(RUN, begin(store, monkeypatch, "host-1")[RUN])
    (key,) = store.objects
    standing = store.find(key)
    assert standing
    assert store.swap(key, body, standing.version)
    runs(store, heard).look()
    assert heard.lines == []
