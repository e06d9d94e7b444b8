"""What the processes of a unit take of a host. Its own control groups are not those of a kernel that it has alone."""

import json
from typing import NamedTuple

from tests.hosts.host import Host

_SCRIPT = """
import json, os, pathlib
parents = {}
for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
    try:
        words = stat.read_text().rpartition(")")[2].split()
        parents[int(stat.parent.name)] = (int(words[1]), int(words[11]) + int(words[12]))
    except OSError:
        pass
own = {MAIN}
while more := {pid for pid, (parent, _) in parents.items() if parent in own} - own:
    own |= more
rolled = [pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in own]
kib = sum(int(line.split()[1]) for text in rolled for line in text.splitlines() if line.startswith("Pss:"))
ticks = sum(parents[pid][1] for pid in own)
print(json.dumps([ticks / os.sysconf("SC_CLK_TCK"), kib / 1024, len(own)]))
"""


class Cost(NamedTuple):
    """CPU time since their starts, and memory, shared pages counted in proportion."""

    cpu_s: float
    mib: float
    processes: int


def cost(host: Host, unit: str) -> Cost:
    """Ask what a unit's main process and all below it take."""
    main = host.run(f"systemctl show -P MainPID {unit}").strip()
    script = _SCRIPT.replace("MAIN", main)
    return Cost(*json.loads(host.run(f"python3 - <<'END'\n{script}\nEND")))
