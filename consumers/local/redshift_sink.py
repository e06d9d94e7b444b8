"""The table in a demonstration: staged by its consumer, loaded by the loader, and read back by SQL."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from consumers.letters.keys import LetterPlace
from consumers.letters.letter import DamagedLetters, Letter, letters_in, unique, unpacked
from consumers.local import simulator
from consumers.local.account import Kept
from consumers.local.ledger import Ledger
from consumers.local.plan import Plan
from consumers.local.redshift.cluster import NoPostgres, binaries
from consumers.local.redshift_verdict import TableAudit, TableVerdict
from consumers.local.sink import Look, Server, Site

_LOOK = "reading the table back and comparing"
# Short, so that a minute of traffic makes several objects, and several loads.
_MAX_AGE_S = 5
_LOAD_AGE_S = 5


class RedshiftSink:
    """``redshift_stage`` and its loader, with a stand-in for Redshift."""

    name: Final = "redshift_stage"
    place: Final = "the table"
    done: Final = "staged"
    claim: Final = "is one row of the table or one dead letter"
    server: Server | None = Server(
        "redshift", "consumers.local.redshift", "the Redshift stand-in", keeps_files=True, reads_s3=True
    )
    commands: Sequence[str] = ("prepare", "redshift-ddl --apply")
    companion: Final = "redshift-load --follow"
    conclusion: Final = "redshift-load"

    def lacks(self) -> str:
        """Say what of the stand-in is missing."""
        try:
            binaries()
        except NoPostgres as fault:
            return str(fault)
        return ""

    def keys(self, plan: Plan, server: str) -> dict[str, object]:
        """Give the keys ``redshift.*``."""
        database = urlsplit(server)
        keys: dict[str, object] = {
            "redshift.bucket": plan.bucket,
            "redshift.prefix": _prefix(plan, "staged"),
            "redshift.region": plan.region,
            "redshift.maxAgeSeconds": _MAX_AGE_S,
            "redshift.loadAgeSeconds": _LOAD_AGE_S,
            "redshift.host": database.hostname,
            "redshift.port": database.port,
            "redshift.user": "rs",
            "redshift.auth": "password",
            "redshift.credentialFile": f"{database.path}/password",
            "redshift.caFile": f"{database.path}/ca.pem",
            "redshift.deadLetters.bucket": plan.bucket,
            "redshift.deadLetters.prefix": _prefix(plan, "table-dead-letters"),
            "redshift.deadLetters.region": plan.region,
        }
        if plan.endpoint is not None:
            keys["redshift.endpoint"] = keys["redshift.deadLetters.endpoint"] = plan.endpoint
        return keys

    def audit(self, site: Site, ledger: Ledger, keep: Path | None, look: Look) -> TableVerdict:
        """Compare all rows and dead letters of the run with the ledger, and what the rows say with what was put."""
        look(_LOOK)
        audit = TableAudit(ledger, site.server)
        audit.rows(look_on=lambda: look(_LOOK))
        audit.values(islice(simulator.play(site.plan.seed), ledger.put))
        letters: list[Letter] = []
        store = Kept(site.account, keep / "table-dead-letters" if keep else None)
        root = LetterPlace(_prefix(site.plan, "table-dead-letters"), site.plan.application_of(self.name)).root
        for key in site.account.objects(root.rstrip("/")):
            look(_LOOK)
            try:
                letters += letters_in(unpacked(store.get(key)))
            except DamagedLetters as fault:
                audit.spoil(key, str(fault))
        audit.letters(unique(letters))
        return audit.finish()


def _prefix(plan: Plan, what: str) -> str:
    """Keep them beside the archive's prefix, not under it: its audit reads all that lies there."""
    return f"{plan.prefix}-{what}"
