"""The index in a demonstration: its properties, its documents and dead letters read back, and a search."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from consumers.kcl.jars import Unavailable
from consumers.letters.keys import LetterPlace
from consumers.local.account import Kept
from consumers.local.index_verdict import IndexAudit, IndexVerdict
from consumers.local.ledger import Ledger
from consumers.local.letters_audit import take_letters
from consumers.local.plan import Plan
from consumers.local.search.program import Jars, class_path
from consumers.local.searching import SearchServer
from consumers.local.sink import Look, Server, Site

LETTERS = "dead-letters"
_LOOK = "reading the index back and comparing"


class IndexSink:
    """``elasticsearch_index``, with an embedded OpenSearch."""

    name: Final = "elasticsearch_index"
    place: Final = "the index"
    done: Final = "indexed"
    claim: Final = "is one document in the index or one dead letter"
    server: Server | None = Server("opensearch", "consumers.local.search.opensearch", "OpenSearch", keeps_files=True)
    commands: Sequence[str] = ("index-template", "prepare")
    companion: Final = ""
    conclusion: Final = ""

    def lacks(self) -> str:
        """Return what OpenSearch lacks on this machine, or an empty text. The node is compiled if needed."""
        try:
            class_path(Jars.default())
        except Unavailable as fault:
            first, *rest = str(fault).splitlines()
            return f"{first}. {rest[-1]}" if rest else first  # the other lines name the JARs
        return ""

    def keys(self, plan: Plan, server: str) -> dict[str, object]:
        """Return the keys ``index.*``."""
        keys: dict[str, object] = {
            "index.url": server,
            "index.name": "player-events-%Y.%m.%d",
            "index.deadLetters.bucket": plan.bucket,
            "index.deadLetters.prefix": plan.beside(LETTERS),
            "index.deadLetters.region": plan.region,
        }
        if plan.endpoint is not None:
            keys["index.deadLetters.endpoint"] = plan.endpoint
        return keys

    def audit(self, site: Site, ledger: Ledger, keep: Path | None, look: Look) -> IndexVerdict:
        """Compare all documents and dead letters of the run with the ledger, then search."""
        audit, server = IndexAudit(ledger, site.plan.stream), SearchServer(site.server)
        server.refresh()
        for page in server.documents():
            look(_LOOK)
            for hit in page:
                audit.document(hit.index, hit.identity, hit.source)
        root = LetterPlace(site.plan.beside(LETTERS), site.plan.application_of(self.name)).root
        kept = Kept(site.account, keep / LETTERS if keep else None)
        take_letters(audit, kept, site.account.objects(root.rstrip("/")), lambda: look(_LOOK))
        return audit.finish(server.search() if ledger.put else None)
