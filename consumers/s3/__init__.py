"""Amazon S3, or a server that speaks its protocol."""
