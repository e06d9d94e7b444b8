"""The audit of an archive, against real S3 servers."""
