"""The table in a demonstration: staged by its consumer, loaded by the loader, and read back by SQL."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from consumers.letters.keys import LetterPlace
from consumers.local import simulator
from consumers.local.account import Kept
from consumers.local.ledger import Ledger
from consumers.local.letters_audit import take_letters
from consumers.local.plan import Plan
from consumers.local.redshift.cluster import NoPostgres, binaries
from consumers.local.redshift.warehouse import CA_FILE, PASSWORD_FILE, USER
from consumers.local.redshift_verdict import TableAudit, TableVerdict
from consumers.local.sink import Look, Server, Site

LETTERS = "table-dead-letters"
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
        """Return what the stand-in lacks on this machine, or an empty text."""
        try:
            binaries()
        except NoPostgres as fault:
            return str(fault)
        return ""

    def keys(self, plan: Plan, server: str) -> dict[str, object]:
        """Return the keys ``redshift.*``."""
        database = urlsplit(server)
        keys: dict[str, object] = {
            "redshift.bucket": plan.bucket,
            "redshift.prefix": plan.beside("staged"),
            "redshift.region": plan.region,
            "redshift.maxAgeSeconds": _MAX_AGE_S,
            "redshift.loadAgeSeconds": _LOAD_AGE_S,
            "redshift.host": database.hostname,
            "redshift.port": database.port,
            "redshift.user": USER,
            "redshift.auth": "password",
            "redshift.credentialFile": f"{database.path}/{PASSWORD_FILE}",
            "redshift.caFile": f"{database.path}/{CA_FILE}",
            "redshift.deadLetters.bucket": plan.bucket,
            "redshift.deadLetters.prefix": plan.beside(LETTERS),
            "redshift.deadLetters.region": plan.region,
        }
        if plan.endpoint is not None:
            keys["redshift.endpoint"] = keys["redshift.deadLetters.endpoint"] = plan.endpoint
        return keys

    def audit(self, site: Site, ledger: Ledger, keep: Path | None, look: Look) -> TableVerdict:
        """Compare all rows and dead letters of the run with the ledger, and the rows' values with what was put."""
        look(_LOOK)
        audit = TableAudit(ledger, site.plan.stream, site.server)
        audit.rows(look_on=lambda: look(_LOOK))
        audit.values(islice(simulator.play(site.plan.seed), ledger.put))
        root = LetterPlace(site.plan.beside(LETTERS), site.plan.application_of(self.name)).root
        kept = Kept(site.account, keep / LETTERS if keep else None)
        take_letters(audit, kept, site.account.objects(root.rstrip("/")), lambda: look(_LOOK))
        return audit.finish()
