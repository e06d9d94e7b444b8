"""The time at which a record was put, read from its sequence number. Pure.

Kinesis calls the number opaque. Its form has been the same since 2014, and all records of a shard that ever had that
form have it. Where the stream gives no arrival time, nothing else is a time that is the same at each delivery. Sources:
`SequenceNumberValidator` of the Kinesis Client Library (length, version, shard), `parseSequence` of kinesalite (times).
In numbers that users of AWS have published, the second lies up to two before the arrival time beside it.
"""

_BITS = 186
_VERSION = 2
_SECONDS = (1 << 36) - 1
_NIBBLE = (1 << 4) - 1

PUT_TO_ARRIVAL_MS = 3_000
"""The most by which a record's arrival time exceeds the second of its sequence number, in milliseconds."""


def put_ms(sequence: int) -> int | None:
    """Return the second at which a record was put, in UTC milliseconds; None if the number has another form.

    From the highest bit: the version (2 bits of a hex digit), when the shard began in seconds (36), the shard's last
    digit (4), a counter (64), a byte that is 0, when the record was put in seconds (36), the shard (32), the version
    (4).
    """
    if sequence.bit_length() != _BITS or sequence >> 184 != _VERSION or sequence & _NIBBLE != _VERSION:
        return None
    began_s, put_s = sequence >> 148 & _SECONDS, sequence >> 36 & _SECONDS
    same_shard = sequence >> 144 & _NIBBLE == sequence >> 4 & _NIBBLE
    return put_s * 1000 if same_shard and began_s <= put_s else None
