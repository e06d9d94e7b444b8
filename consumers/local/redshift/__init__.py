"""A stand-in for Amazon Redshift: a proxy that speaks its protocol, in front of a real PostgreSQL, and its Data API.

`redshift_connector` and boto3's `redshift-data` work with it unchanged. Transactions, locks, snapshots and timeouts are
PostgreSQL's, at REPEATABLE READ, which is nearest to Redshift's SNAPSHOT. The proxy implements COPY: manifests, gzip
and lines of JSON from S3, the errors of each type, and the system tables that report them.

Not emulated: Redshift's planner, distribution, WLM and concurrency scaling; VACUUM and ANALYZE; the exact texts of its
errors; COPY of anything but lines of JSON; SUPER's own syntax (PartiQL); IAM (any role is accepted, credentials are a
password); Spectrum and data sharing; a conflict on the whole table when two transactions change different rows of it
(PostgreSQL reports one only on the same row, which is why every load changes the lock's row). PostgreSQL accepts syntax
that Redshift refuses: known cases are denied (`sql.denied`), the others show only on a real cluster.
"""
