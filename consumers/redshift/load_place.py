"""The places that a loader works with."""

from dataclasses import dataclass

from consumers.chain.layout import Layout
from consumers.redshift.names import Names

LOADS = "_loads"
"""The folder of the manifests, below the staging prefix."""


@dataclass(frozen=True, slots=True)
class LoadPlace:
    """Where rows come from and go to, and how COPY reads them. `loader` names the loader."""

    names: Names
    application: str
    layout: Layout
    bucket: str
    iam_role: str
    options: str
    copy_s: int
    keep_ms: int
    loader: str

    @property
    def manifests(self) -> str:
        """The folder of the manifests, as a prefix of keys."""
        return f"{self.layout.prefix}/{LOADS}/"
