"""The consumers that exist. A new one is one file, and one line here."""

from collections.abc import Mapping

from consumers.config.consumer import Consumer
from consumers.config.registered import Registered

CONSUMERS: Mapping[str, Consumer] = Registered(
    # The name of the consumer, which is also its module's, and the section of its own keys.
    {
        "s3_archive": "archive",
        "elasticsearch_index": "index",
        "redshift_stage": "redshift",
        "kafka_mirror": "kafka",
        "postgres_rows": "postgres",
    }
)
