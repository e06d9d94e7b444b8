"""Long-running Kinesis consumers, one process per shard, each event delivered once."""

__version__ = "0.1.0"
