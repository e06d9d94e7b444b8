"""Payloads by name, and the one outcome of each: the number of documents, or the reason why there are none."""

import gzip
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from backports import zstd

from consumers.documents.decode import Limits
from consumers.documents.document import Decoded, Rejected

Decode = Callable[[bytes, Limits], Decoded | Rejected]

LIMITS = Limits(max_inflated_bytes=100_000, max_depth=100, max_documents=50)
EVENT = b'{"event":"playing","at":1760000400000}'


def nested(depth: int) -> bytes:
    """Give an object with so many brackets around its innermost value."""
    return b'{"v":' + b"[" * (depth - 1) + b"1" + b"]" * (depth - 1) + b"}"


def outcome(found: Decoded | Rejected) -> int | str:
    """Reduce a result to what a case names."""
    return found.reason if isinstance(found, Rejected) else len(found.documents)


def wrong(decode: Decode) -> list[str]:
    """Name the cases that a decoder gets wrong; one that raises is wrong."""
    return [name for name, (payload, expected) in CASES.items() if _tried(decode, payload) != expected]


def _tried(decode: Decode, payload: bytes) -> int | str:
    try:
        return outcome(decode(payload, LIMITS))
    except Exception as fault:  # noqa: BLE001 - a broken decoder may raise anything
        return type(fault).__name__


def canonical(value: Any) -> str:
    """Write a value so that equal texts mean equal values: 1 is not 1.0, and -0.0 is not 0.0."""
    return json.dumps(value, ensure_ascii=True)


_GZIPPED = gzip.compress(EVENT)
_PACKED = zstd.compress(EVENT, options={int(zstd.CompressionParameter.checksum_flag): 1})
_SKIPPED = struct.pack("<II", 0x184D2A5E, 9) + b"seekable!"


def _zlib(window: int) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, window)
    return packer.compress(EVENT) + packer.flush()


CASES: Mapping[str, tuple[bytes, int | str]] = {
    "one object": (EVENT, 1),
    "an object without keys": (b"{}", 1),
    "whitespace around": (b"\r\n\t " + EVENT + b" \r\n", 1),
    "escapes of every kind": (rb'{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83e\udd8a"}', 1),
    "an escaped quote by its number": (rb'{"a\u0022b":"\u0022"}', 1),
    "NUL, escaped": (rb'{"a\u0000":"\u0000"}', 1),
    "an escaped backslash before x22": (rb'{"a":"\\x22"}', 1),
    "the least and the greatest integer": (b'{"a":-9223372036854775808,"b":9223372036854775807}', 1),
    "floats at the edges": (b'{"a":1.7976931348623157e308,"b":5e-324,"c":-0.0,"d":1E+2}', 1),
    "an underflow": (b'{"a":1e-400,"b":-123e-10000000}', 1),
    "the same key in two objects": (b'{"a":{"k":1},"b":{"k":1},"k":1}', 1),
    "nested to the limit": (nested(100), 1),
    "brackets in a string": (b'{"a":"' + b"[{" * 500 + b'"}', 1),
    # 29
    "no bytes": (b"", "empty"),
    "only whitespace": (b" \t\r\n", "empty"),
    "nothing, gzipped": (gzip.compress(b""), "empty"),
    # 64, 67, 71
    "cut short": (EVENT[:-1], "json_invalid"),
    "trailing garbage": (EVENT + b"x", "json_invalid"),
    "a trailing NUL": (EVENT + b"\0", "json_invalid"),
    "a trailing form feed": (EVENT + b"\f", "json_invalid"),
    "a trailing comma": (b'{"a":1,}', "json_invalid"),
    "a comment": (b'{"a":1}//', "json_invalid"),
    "a newline in a string": (b'{"a":"x\ny"}', "json_invalid"),
    "a control character in a string": (b'{"a":"\x1b[31m"}', "json_invalid"),
    "NaN": (b'{"a":NaN}', "json_invalid"),
    "Infinity": (b'{"a":Infinity}', "json_invalid"),
    "-Infinity": (b'{"a":-Infinity}', "json_invalid"),
    "a leading zero": (b'{"a":01}', "json_invalid"),
    "a plus": (b'{"a":+1}', "json_invalid"),
    "digits of another script": ('{"a":\u0661}'.encode(), "json_invalid"),
    "a byte order mark": (b"\xef\xbb\xbf" + EVENT, 1),
    "a byte order mark before several": (b"\xef\xbb\xbf" + EVENT + b"\n" + EVENT, 2),
    "a byte order mark before a list": (b"\xef\xbb\xbf[" + EVENT + b"]", 1),
    "a byte order mark, gzipped": (gzip.compress(b"\xef\xbb\xbf" + EVENT), 1),
    "a byte order mark alone": (b"\xef\xbb\xbf", "empty"),
    "two byte order marks": (b"\xef\xbb\xbf" * 2 + EVENT, "json_invalid"),
    "a byte order mark within": (b'{"a":\xef\xbb\xbf1}', "json_invalid"),
    "UTF-16": (EVENT.decode().encode("utf-16"), "json_invalid"),
    "UTF-16 without its mark": (EVENT.decode().encode("utf-16-le"), "json_invalid"),
    "not UTF-8, in a string": (b'{"a":"\xff"}', "json_invalid"),
    "not UTF-8, in a key": (b'{"\xe9":1}', "json_invalid"),
    "overlong UTF-8": (b'{"a":"\xc0\xa2"}', "json_invalid"),
    "a surrogate in UTF-8": (b'{"a":"\xed\xa0\x80"}', "json_invalid"),
    "beyond Unicode": (b'{"a":"\xf4\x90\x80\x80"}', "json_invalid"),
    # 65
    "a list of objects": (b'[{"a":1},{"b":[2]}]', 2),
    "a list of objects over several lines": (b'\n[\n{"a":1}\n,\r\n {"b":2}\t]\n', 2),
    "a list in a list": (b'[[{"a":1}]]', "not_object"),
    "a list of objects and something else": (b'[{"a":1},"a"]', "not_object"),
    "a list of numbers": (b"[1,2]", "not_object"),
    "a list of nothing": (b"[]", "empty"),
    "lists that follow each other": (b'[{"a":1},{"a":2}]\n[{"a":3}] {"a":4}[]', 4),
    "a list, then a number": (b'[{"a":1}] 1', "json_invalid"),
    "a list of as many documents as may be": (b"[" + b",".join([EVENT] * 50) + b"]", 50),
    "a list of one more": (b"[" + b",".join([EVENT] * 51) + b"]", "too_many_documents"),
    "a list that holds a key twice": (b'[{"a":1},{"a":1,"a":2}]', "duplicate_key"),
    "a list that is not closed": (b'[{"a":1}', "json_invalid"),
    "a list of an object to the limit": (b"[" + nested(100) + b"]", 1),
    "a list of an object beyond it": (b"[" + nested(101) + b"]", "too_deep"),
    "a string": (b'"a"', "not_object"),
    "a number": (b" 1 ", "not_object"),
    "null": (b"null", "not_object"),
    "an object, then a number": (b"{} 1", "json_invalid"),
    "a number, then an object": (b"1 {}", "json_invalid"),
    "two lists of nothing": (b"[] []", "json_invalid"),
    # 68
    "a key twice": (b'{"a":1,"a":1}', "duplicate_key"),
    "a key twice, deep inside": (b'{"a":[[{"b":{"c":1,"d":2,"c":3}}]]}', "duplicate_key"),
    "a key twice, spelt differently": (rb'{"a":1,"\u0061":2}', "duplicate_key"),
    "a key twice, and quotes that make up for it": (rb'{"a":1,"a":"\u0022\u0022"}', "duplicate_key"),
    "an empty key twice": (b'{"":1,"":2}', "duplicate_key"),
    "a key twice, in an object that another replaces": (b'{"a":{"b":1,"b":2},"a":0}', "duplicate_key"),
    # 66, 69
    "half a surrogate pair": (rb'{"a":"\ud800"}', "surrogate"),
    "the other half": (rb'{"a":"\udc00 and more text"}', "surrogate"),
    "a pair the wrong way round": (rb'{"a":"\udd8a\ud83e"}', "surrogate"),
    "half a pair in a key": (rb'{"\uDBFF":1}', "surrogate"),
    "half a pair, then an escaped backslash": (rb'{"a":"\ud83e\\udd8a"}', "surrogate"),
    # 67: a number may be of any size: it is for a destination to say what it holds
    "an integer beyond": (b'{"a":9223372036854775808}', 1),
    "64 bits without a sign": (b'{"a":18446744073709551615}', 1),
    "an integer below": (b'{"a":[[-9223372036854775809]]}', 1),
    "10,000 digits": (b'{"a":' + b"1" * 10_000 + b"}", 1),
    "10,000 digits below zero": (b'{"a":-' + b"9" * 10_000 + b"}", 1),
    "10,000 digits, and a key twice": (b'{"a":' + b"1" * 10_000 + b',"a":1}', "duplicate_key"),
    "keys of 10,000 digits": (b'{"%b":1,"%b":2}' % (b"1" * 10_000, b"1" * 9_999 + b"2"), 1),
    "10,000 digits behind a quote by its number": (b'{"\\u0022' + b"4" * 10_000 + b'":1}', 1),
    "1e400": (b'{"a":1e400}', 1),
    "-1e400": (b'{"a":-1e400}', 1),
    "a float that rounds beyond": (b'{"a":1.7976931348623159e308}', 1),
    "an exponent of 400 digits": (b'{"a":1E-' + b"9" * 400 + b"}", 1),
    # 70
    "one deeper than the limit": (nested(101), "too_deep"),
    "5,000 deep": (nested(5_000), "too_deep"),
    "100,000 deep": (nested(100_000), "too_deep"),
    "100,000 deep, not closed": (b"[" * 100_000, "json_invalid"),
    "100,000 objects deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_deep"),
    "deep, closed by the wrong bracket": (b"[" * 200 + b"}" * 200, "json_invalid"),
    "deep, in a string that does not end": (b'{"a":"' + b"[" * 200 + b"]" * 200, "json_invalid"),
    # 72
    "gzip": (_GZIPPED, 1),
    "gzip, two members of one document": (gzip.compress(EVENT[:9]) + gzip.compress(EVENT[9:]), 1),
    "gzip, two documents": (_GZIPPED + _GZIPPED, 2),
    "gzip, cut short": (_GZIPPED[:-1], "compressed_invalid"),
    "gzip, its first bytes": (_GZIPPED[:2], "compressed_invalid"),
    "gzip, a wrong checksum": (_GZIPPED[:-8] + b"\0\0\0\0" + _GZIPPED[-4:], "compressed_invalid"),
    "gzip, a wrong length": (_GZIPPED[:-4] + b"\0\0\0\0", "compressed_invalid"),
    "gzip, trailing garbage": (_GZIPPED + b"x", "compressed_invalid"),
    "gzip, trailing zeros": (_GZIPPED + bytes(8), 1),
    "gzip, a trailing newline": (_GZIPPED + b"\r\n", 1),
    "gzip, padding between": (_GZIPPED + b"\n" + _GZIPPED, "compressed_invalid"),
    "gzip, then zstd": (_GZIPPED + _PACKED, "compressed_invalid"),
    "gzip of gzip": (gzip.compress(_GZIPPED), "compressed_invalid"),
    "gzip of what is no JSON": (gzip.compress(b"x"), "json_invalid"),
    "gzip to the bound": (gzip.compress(EVENT.ljust(LIMITS.max_inflated_bytes)), 1),
    "gzip beyond the bound": (gzip.compress(EVENT.ljust(LIMITS.max_inflated_bytes + 1)), "too_large"),
    "zstd": (_PACKED, 1),
    "zstd, two frames": (_PACKED + _PACKED, 2),
    "zstd, cut short": (_PACKED[:-1], "compressed_invalid"),
    "zstd, its first bytes": (_PACKED[:4], "compressed_invalid"),
    "zstd, damaged": (_PACKED[:9] + b"\xff\xff\xff" + _PACKED[12:], "compressed_invalid"),
    "zstd, trailing garbage": (_PACKED + b"x", "compressed_invalid"),
    "zstd, a trailing newline": (_PACKED + b"\n", 1),
    "zstd, a frame to skip before it": (_SKIPPED + _PACKED, 1),
    "zstd, a frame to skip behind it": (_PACKED + _SKIPPED, 1),
    "zstd, a frame to skip, cut short": (_PACKED + _SKIPPED[:-1], "compressed_invalid"),
    "zstd, a frame to skip, its first bytes": (_SKIPPED[:5], "compressed_invalid"),
    "zstd, nothing but a frame to skip": (_SKIPPED, "empty"),
    "zstd of zstd": (zstd.compress(_PACKED), "compressed_invalid"),
    "zstd to the bound": (zstd.compress(EVENT.ljust(LIMITS.max_inflated_bytes)), 1),
    "zstd beyond the bound": (zstd.compress(EVENT.ljust(LIMITS.max_inflated_bytes + 1)), "too_large"),
    "zlib": (zlib.compress(EVENT), 1),
    "zlib, each level": (b"".join(zlib.compress(EVENT, level) for level in (0, 1, 4, 6, 9)), 5),
    "zlib, cut short": (zlib.compress(EVENT)[:-1], "compressed_invalid"),
    "zlib, its first bytes": (b"\x78\x9c", "compressed_invalid"),
    "zlib, a wrong checksum": (zlib.compress(EVENT)[:-4] + b"\0\0\0\0", "compressed_invalid"),
    "zlib, each window": (b"".join(map(_zlib, range(9, 16))), 7),
    "zlib, with a dictionary": (b"\x78\xbb" + zlib.compress(EVENT)[2:], "json_invalid"),
    "zlib, a trailing newline": (zlib.compress(EVENT) + b"\n", 1),
    "zlib, trailing garbage": (zlib.compress(EVENT) + b"x", "compressed_invalid"),
    "zlib, then gzip": (zlib.compress(EVENT) + _GZIPPED, "compressed_invalid"),
    "zlib of gzip": (zlib.compress(_GZIPPED), "compressed_invalid"),
    "gzip of zlib": (gzip.compress(zlib.compress(EVENT)), "compressed_invalid"),
    "zlib to the bound": (zlib.compress(EVENT.ljust(LIMITS.max_inflated_bytes)), 1),
    "zlib beyond the bound": (zlib.compress(EVENT.ljust(LIMITS.max_inflated_bytes + 1)), "too_large"),
    "a letter, which begins zlib too": (b"x", "json_invalid"),
    "deflate without a header": (zlib.compress(EVENT, wbits=-15), "json_invalid"),
    # 75 and several documents
    "newlines between tokens": (b'{\n"a"\r\n:\n[1,\n2]\n}\n', 1),
    "a document a line": (b"\n".join([EVENT] * 50) + b"\n", 50),
    "documents that touch": (EVENT * 50, 50),
    "documents over several lines": (b'{\n "a": 1\n}\n{\n "a": 2\n}', 2),
    "one document more than the limit, a line each": (b"\n".join([EVENT] * 51), "too_many_documents"),
    "one document more than the limit": (EVENT * 51, "too_many_documents"),
    "one bad line": (b"\n".join([EVENT, b"{", EVENT]), "json_invalid"),
    "one line with a key twice": (b"\n".join([EVENT, b'{"a":1,"a":2}', EVENT]), "duplicate_key"),
    "a key twice, then what is no JSON": (b'{"a":1,"a":2} x', "json_invalid"),
}
