"""A fleet of hosts, its inventory, and the playbooks that roll it out; the local AWS as the hosts reach it."""

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.hosts.host import OUTSIDE, Host
from tests.support.servers import KEYS, ROOT

ANSIBLE = ROOT / ".cache" / "ansible" / "bin"
WHEELHOUSE = ROOT / "dist" / "wheelhouse"
PLAY_S = 1200
SECRET = "canary-7f3a91c4e5d2"  # noqa: S105 - made up, to be looked for where it must not be


@contextmanager
def reachable(endpoint: str) -> Iterator[str]:
    """Carry connections of the hosts to a server on loopback; the address that they use."""
    port = int(urlsplit(endpoint).port or 0)
    loop = asyncio.new_event_loop()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(asyncio.CancelledError):  # at the end, which the streams' own callback does not expect
            await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = loop.run_until_complete(asyncio.start_server(carry, OUTSIDE, 0))
    outside = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{OUTSIDE}:{outside}"
    finally:
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@dataclass(slots=True)
class Rollout:
    """What Ansible knows of the hosts."""

    hosts: Sequence[Host]
    folder: Path
    variables: dict[str, Any]
    wheelhouse: Path = WHEELHOUSE

    def play(self, book: str, *options: str, hosts: Sequence[Host] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a playbook."""
        chosen = self.hosts if hosts is None else hosts
        inventory = {
            "kinesis_fleet": {
                "hosts": {host.name: {"ansible_host": host.address} for host in chosen},
                "vars": {
                    "ansible_user": "root",
                    "ansible_ssh_private_key_file": str(chosen[0].key),
                    "kinesis_fleet_wheelhouse": str(self.wheelhouse),
                    "kinesis_fleet_install_packages": False,
                    **self.variables,
                },
            }
        }
        file = self.folder / "inventory.yml"
        file.write_text(json.dumps(inventory))
        command = [str(ANSIBLE / "ansible-playbook"), "-i", str(file), book, *options]
        environment = {
            **os.environ,
            "PATH": f"{ANSIBLE}:{os.environ['PATH']}",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_NOCOLOR": "1",
        }
        done = subprocess.run(
            command, cwd=ROOT / "ansible", env=environment, check=False, capture_output=True, text=True, timeout=PLAY_S
        )
        with (self.folder / "ansible.log").open("a") as log:
            log.write(done.stdout + done.stderr)
        return done

    def run(self, book: str, *options: str, hosts: Sequence[Host] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a playbook, which has to succeed."""
        done = self.play(book, *options, hosts=hosts)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done

    def changed(self, done: "subprocess.CompletedProcess[str]") -> Mapping[str, int]:
        """Read the recap: how many tasks changed something, by host."""
        recap = done.stdout.rpartition("PLAY RECAP")[2]
        found = {}
        for line in recap.splitlines():
            name, _, counts = line.partition(":")
            if "changed=" in counts:
                found[name.strip()] = int(counts.partition("changed=")[2].split()[0])
        return found


def secrets() -> dict[str, str]:
    """Give the credentials of a consumer that reaches stand-ins: AWS's keys, and another."""
    keys = f"[default]\naws_access_key_id = {KEYS['AWS_ACCESS_KEY_ID']}\naws_secret_access_key = {SECRET}\n"
    return {"aws": keys, "canary": SECRET}
