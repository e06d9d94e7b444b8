"""Verifies an archive from S3 alone: no gap, no overlap, and every object as it was written."""
