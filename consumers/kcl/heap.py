"""Computes the heap that the JVM needs for the shards that it may hold.

Sizes of KCL 3.1.3: one GetRecords answer is at most 10 MiB. Each shard prefetches into a queue of three answers, and
asks again while that queue holds less than 8 MiB.
"""

MIB = 1024 * 1024
ANSWER_BYTES = 10 * MIB
RECORD_BYTES = 10 * MIB
# What KCL, the AWS SDK and their caches keep, whatever the load.
BASE_MIB = 128
# Answers held by a shard. For long: a full queue (8 MiB and one answer), and the answer that the child works on. For
# a short time: the HTTP answer in base64, and the child's line with its growing copies. Measured with 8 shards that all
# catch up on full answers: 464 MiB remain after a full collection, 5 answers a shard. With a factor of 9 (848 MiB)
# nothing ran out of memory, with many full collections; 512 MiB were 97 % full.
FACTOR = 9
YOUNG_FRACTION = 2 / 3


def batch_bytes(max_records: int) -> int:
    """Return the size in bytes of the largest batch of one shard."""
    return min(ANSWER_BYTES, max_records * RECORD_BYTES)


def needed_mib(shards: int, max_records: int) -> int:
    """Compute the smallest heap, in MiB, that holds the batches of ``shards`` shards."""
    return BASE_MIB + shards * FACTOR * batch_bytes(max_records) // MIB


def young_mib(heap_mib: int) -> int:
    """Compute the size of the young generation in MiB: batches die young, and a small one would promote them."""
    return int(heap_mib * YOUNG_FRACTION)
