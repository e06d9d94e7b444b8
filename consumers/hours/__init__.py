"""The completeness of hours: watermarks of shards, seals of their hours, and the hour's manifest and `_SUCCESS`."""
