"""A stand-in for Amazon Redshift: a proxy that speaks its protocol before a real PostgreSQL, and its Data API.

`redshift_connector` and boto3's `redshift-data` run on it unchanged. Transactions, locks, snapshots and time-outs are
PostgreSQL's own, at REPEATABLE READ, which is nearest to Redshift's SNAPSHOT. COPY is the proxy's: manifests, gzip and
lines of JSON from S3, the refusals of each type, and the system tables that say why.

Not emulated: Redshift's planner, distribution, WLM and concurrency scaling; VACUUM and ANALYZE; the exact texts of its
errors; COPY of anything but lines of JSON; SUPER's own syntax (PartiQL); IAM (any role is taken, credentials are a
password); Spectrum and data sharing; a conflict on the whole table where two transactions change different rows of it
(PostgreSQL reports one only on the same row, and so the lock's row is changed by every load). PostgreSQL takes syntax
that Redshift refuses: what is known of it is denied (`sql.denied`), and the rest is for a real cluster to show.
"""
