"""What a played schedule left in the store, held against what was put."""

from collections import Counter
from dataclasses import dataclass

from consumers.chain.link import Link
from consumers.objects.reader import fetch
from tests.model.fleet import Simulation


@dataclass
class Verdict:
    """What the store holds against what was put."""

    lost: int
    doubled: int
    altered: int
    faults: list[str]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.altered or self.faults)


def judge(simulation: Simulation) -> Verdict:
    """Read everything back."""
    verdict = Verdict(0, 0, 0, list(simulation.faults))
    for shard in simulation.shards:
        keys = simulation.keys(shard)
        links = sorted((Link.parse(simulation.store.objects[key][1]) for key in keys), key=lambda link: link.first)
        archived = [record for key in keys for record in fetch(simulation.store, key)]
        seen = Counter(record.position for record in archived)
        expected = {record.position: record for record in shard.records}
        verdict.doubled += sum(1 for count in seen.values() if count > 1)
        verdict.lost += sum(1 for r in shard.records[shard.trimmed :] if r.position not in seen)
        verdict.altered += sum(1 for record in archived if expected.get(record.position) != record)
        for before, link in zip(links, links[1:], strict=False):
            if link.first <= before.last:
                verdict.faults.append(f"overlap at {link.first}")
            # Expired records between them are marked by their age, which does not pass here.
            if not shard.trimmed and link.after is not None and link.after != before.last:
                verdict.faults.append(f"gap before {link.first}")
        verdict.faults += [
            f"count of {link.first}"
            for link in links
            if sum(1 for position in expected if link.first <= position <= link.last and position in seen) != link.count
        ]
    return verdict
