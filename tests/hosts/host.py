"""Debian hosts of a test's own: booted systemd in a namespace, with sshd and an address, that can die and freeze."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.servers import ROOT

BASE = ROOT / ".cache" / "hosts" / "base"
PLAIN = ROOT / ".cache" / "hosts" / "plain"
BRIDGE = "kfleet0"
SUBNET = "10.77.31"
OUTSIDE = f"{SUBNET}.1"
"""The address of this machine, as the hosts see it."""
BOOT_S = 120.0
DISK = "4G"
"""Of it a release takes some 300 MB; it is a file with holes."""
_NETWORK = """[Match]
Name=host0
[Network]
Address={address}/24
LinkLocalAddressing=no
"""


def sh(*words: str | Path, check: bool = True) -> str:
    """Run a program of this machine; its output."""
    done = subprocess.run([str(word) for word in words], check=False, capture_output=True, text=True)
    assert not check or done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def descendants(pid: int) -> list[int]:
    """List what a process has started, and what that has, and so on."""
    found, left = [], [pid]
    while left:
        parent = left.pop()
        children = Path(f"/proc/{parent}/task/{parent}/children")
        with suppress(OSError):
            pids = [int(each) for each in children.read_text().split()]
            found += pids
            left += pids
    return found


@contextmanager
def bridge() -> Iterator[None]:
    """Have a bridge that the hosts are plugged into."""
    sh("ip", "link", "del", BRIDGE, check=False)
    sh("ip", "link", "add", BRIDGE, "type", "bridge")
    try:
        sh("ip", "addr", "add", f"{OUTSIDE}/24", "dev", BRIDGE)
        sh("ip", "link", "set", BRIDGE, "up")
        yield
    finally:
        sh("ip", "link", "del", BRIDGE, check=False)


@dataclass(slots=True)
class Host:
    """One host. Its disk is a layer over the base, and goes with the folder."""

    number: int
    folder: Path
    key: Path
    _process: subprocess.Popen[bytes] | None = None
    _frozen: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its host name."""
        return f"fleet-{self.number}"

    @property
    def address(self) -> str:
        """Its address."""
        return f"{SUBNET}.{10 + self.number}"

    @property
    def root(self) -> Path:
        """Its file system, as this machine sees it."""
        return self.folder / "root"

    @property
    def _disk(self) -> Path:
        return self.folder / "disk"

    def make(self) -> None:
        """Lay its disk, a file system of its own that can fill up, over the base; with a key to enter by."""
        for folder in (self._disk, self.root):
            folder.mkdir(parents=True, exist_ok=True)
        image = self.folder / "disk.img"
        sh("truncate", "-s", DISK, image)
        sh("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image)
        sh("mount", "-o", "loop", image, self._disk)
        up, work = self._disk / "up", self._disk / "work"
        for folder in (up, work):
            folder.mkdir()
        sh("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={BASE},upperdir={up},workdir={work}", self.root)
        ssh = self.root / "root" / ".ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(f"{self.key}.pub", ssh / "authorized_keys")
        etc = self.root / "etc"
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "machine-id").write_text("")
        (etc / "systemd" / "network" / "10-host0.network").write_text(_NETWORK.format(address=self.address))
        wants = etc / "systemd" / "system" / "multi-user.target.wants"
        wants.mkdir(exist_ok=True)
        networkd = wants / "systemd-networkd.service"
        if not networkd.is_symlink():
            networkd.symlink_to("/lib/systemd/system/systemd-networkd.service")

    def boot(self) -> None:
        """Start it, and wait until it lets one in."""
        command = ["systemd-nspawn", "--register=no", "--keep-unit", "-D", str(self.root), "--boot"]
        # A name of its own at each boot: the kernel takes its time to remove a link that bears the former one.
        machine = f"kf{secrets.token_hex(3)}"
        command += [f"--network-bridge={BRIDGE}", f"--machine={machine}", "--resolv-conf=off"]
        with (self.folder / "console.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + BOOT_S
        while self.try_run("systemctl is-system-running --wait").stdout.strip() not in {"running", "degraded"}:
            ended = self._process.poll() is not None
            assert not ended, f"{self.name} ended: {self._console()}"
            assert time.monotonic() < until, f"{self.name} did not boot: {self._console()}"
            time.sleep(0.2)  # sshd tells nobody that it has begun

    def _console(self) -> str:
        return (self.folder / "console.log").read_text(errors="replace")[-3000:]

    def try_run(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command on it, over ssh."""
        words = [
            "ssh",
            "-q",
            "-i",
            str(self.key),
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ]
        words += ["-o", "ConnectTimeout=5", f"root@{self.address}", command]
        return subprocess.run(words, check=False, capture_output=True, text=True, timeout=600)

    def run(self, command: str) -> str:
        """Run a command on it, which has to succeed; its output."""
        done = self.try_run(command)
        assert done.returncode == 0, f"{self.name}: {command}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def processes(self) -> list[int]:
        """List its processes, by the pids of this machine; its first process is the first one."""
        assert self._process
        return descendants(self._process.pid)

    def freeze(self) -> None:
        """Stop all that runs on it where it stands, but for its first process, which the kernel does not stop so."""
        self._frozen = self.processes()
        for pid in self._frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        for pid in self._frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen = []

    def die(self) -> None:
        """Lose power."""
        assert self._process
        for pid in [*self.processes(), self._process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def reboot(self) -> None:
        """Lose power, and come back with the same disk."""
        self.die()
        self.boot()

    def cut_off(self) -> None:
        """Let nothing through to this machine's services but ssh, as a partition would."""
        for chain, side in (("INPUT", "-s"), ("OUTPUT", "-d")):
            port = "--dport" if chain == "INPUT" else "--sport"
            self.run(f"iptables -A {chain} {side} {OUTSIDE} -p tcp ! {port} 22 -j DROP")

    def rejoin(self) -> None:
        """End the partition."""
        self.run("iptables -F")

    def fill(self) -> None:
        """Leave no byte free on its disk."""
        self.try_run("fallocate -l $(df --output=avail -B1 / | tail -1) /filler; dd if=/dev/zero of=/filler2 bs=4k")
        assert self.run("df --output=avail -B1 / | tail -1").strip() == "0"

    def empty(self) -> None:
        """Have room again."""
        self.run("rm -f /filler /filler2")

    def destroy(self) -> None:
        """End it, and remove its disk."""
        if self._process:
            self.die()
        for mounted in (self.root, self._disk):
            sh("umount", "-l", mounted, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def hosts(count: int, folder: Path) -> Iterator[Sequence[Host]]:
    """Have so many booted hosts."""
    key = folder / "key"
    sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    made = [Host(number + 1, folder / f"host-{number + 1}", key) for number in range(count)]
    with bridge():
        try:
            for host in made:
                host.make()
            for host in made:
                host.boot()
            yield made
        finally:
            for host in made:
                host.destroy()
