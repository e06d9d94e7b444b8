"""Amazon Redshift: rows staged in S3 by the consumer, loaded from there by a process of its own."""
