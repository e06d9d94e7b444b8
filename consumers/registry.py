"""The consumers that exist. A new concern is one file, and one line here."""

import importlib
from collections.abc import Iterator, Mapping

from consumers.config.consumer import Consumer

_CONSUMERS = {
    "s3_archive": "S3_ARCHIVE",
    "elasticsearch_index": "ELASTICSEARCH_INDEX",
    "redshift_stage": "REDSHIFT_STAGE",
}


class _Registry(Mapping[str, Consumer]):
    """Imports a consumer when it is asked for: a shard's process pays for its own alone."""

    def __getitem__(self, name: str) -> Consumer:
        attribute = _CONSUMERS[name]  # first: a name that nobody knows is a KeyError, and no module
        consumer: Consumer = getattr(importlib.import_module(f"consumers.{name}"), attribute)
        return consumer

    def __iter__(self) -> Iterator[str]:
        return iter(_CONSUMERS)

    def __len__(self) -> int:
        return len(_CONSUMERS)


CONSUMERS: Mapping[str, Consumer] = _Registry()
