#!/bin/bash
# BusyBox takes a gzip file for corrupted whose header is a little longer than 16 KiB; the format allows 64 KiB and more.
#
# Of:        BusyBox 1.35.0 (Debian 12), gunzip and zcat.
# Seen:      2026-11-30, package 1:1.35.0-4+deb12u1+b1, amd64.
# Needs:     `busybox` and Python 3. Where there is no busybox, Debian's package is fetched with apt-get, not installed.
#
# What one would guess: that what RFC 1952 allows is opened: an extra field of up to 65,535 bytes. GNU gzip, zlib and
# whatever is built on it, Java and Go do so.
# What happens: up to some 16,380 bytes it is opened. Above, gunzip says "corrupted data" and ends with 1, though every
# byte is right; what it had decompressed is lost, or, with zcat, printed before the message.
# Why it matters: the extra field is where formats on top of gzip keep their indexes (BGZF, dictzip and others). A writer
# that fills it makes files that open on every desktop, and on no small container, where BusyBox is the only gunzip.
#
# Output as it was seen:
#   an extra field of 16000 bytes: opened by Python, opened by BusyBox
#   an extra field of 16380 bytes: opened by Python, opened by BusyBox
#   an extra field of 16500 bytes: opened by Python, corrupted data for BusyBox
#   an extra field of 65535 bytes: opened by Python, corrupted data for BusyBox
#   as seen on 2026-11-30
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

busybox=$(command -v busybox || true)
if [ -z "$busybox" ]; then
  chmod 755 .
  apt-get -qq download busybox >/dev/null 2>&1
  dpkg-deb -x busybox_*.deb unpacked
  busybox=$(find "$PWD/unpacked" -name busybox -type f -perm -100 | head -1)
fi

cat >make.py <<'PYTHON'
import gzip
import pathlib
import struct

plain = gzip.compress(b"a line\n" * 1000, mtime=0)
for size in (16_000, 16_380, 16_500, 65_535):
    field = b"XX" + struct.pack("<H", size - 4) + bytes(size - 4)
    body = plain[:3] + b"\x04" + plain[4:10] + struct.pack("<H", size) + field + plain[10:]
    assert gzip.decompress(body) == b"a line\n" * 1000
    pathlib.Path(f"{size}.gz").write_bytes(body)
PYTHON
python3 make.py

seen=''
for size in 16000 16380 16500 65535; do
  if "$busybox" gunzip -c "$size.gz" >out 2>err && [ "$(wc -l <out)" = 1000 ]; then
    word='opened by'
  else
    word="$(sed 's/^gunzip: //' err) for"
  fi
  echo "an extra field of $size bytes: opened by Python, $word BusyBox"
  seen="$seen$word,"
done

if [ "$seen" = 'opened by,opened by,corrupted data for,corrupted data for,' ]; then
  echo 'as seen on 2026-11-30'
else
  echo 'CHANGED since 2026-11-30'
  exit 1
fi
