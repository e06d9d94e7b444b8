"""The consumers that exist. A new concern is one file, and one line here."""

from collections.abc import Mapping

from consumers.config.consumer import Consumer
from consumers.s3_archive import S3_ARCHIVE

CONSUMERS: Mapping[str, Consumer] = {consumer.name: consumer for consumer in (S3_ARCHIVE,)}
