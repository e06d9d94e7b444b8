#!/bin/bash
# Two fast libraries read a gzip file of several members as if it were the first one, cut to the length of the last.
#
# Of:        fflate 0.8.3 (npm), gunzipSync; deflate 0.9.0 (PyPI, libdeflate), gzip_decompress.
# Seen:      2026-11-30, Node.js 20.20.2, Python 3.11.
# Needs:     Node.js with npm, Python 3 with venv. The packages are fetched, by exact version, into a folder that is removed.
#
# What one would guess: that what `cat a.gz b.gz` makes is read as RFC 1952 says ("members simply appear one after
# another"), as gzip, zlib's wrappers, Java and Node do; or that there is an error, since a checksum stands after each
# member.
# What happens: both take the size of the whole from the last four bytes, which are the last member's alone, and decompress
# the first member into it. fflate gives the beginning of the first member, as long as the last one is; where the last is
# empty, as in each file of bgzip, it gives nothing. libdeflate gives nothing in that case, too. Neither says anything then.
# Why it matters: logs that are appended to, files of bgzip and the output of parallel compressors are of this kind. The
# reader gets less than is there, and a report goes on with it.
#
# Output as it was seen:
#   three lines and one line, as two members
#     node zlib          4 lines
#     fflate             1 lines
#   three lines and an empty member, as bgzip ends each file
#     node zlib          3 lines
#     fflate             0 lines
#     python gzip        3 lines
#     deflate            0 lines
#   as seen on 2026-11-30
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install -q --disable-pip-version-check deflate==0.9.0
npm init -y >/dev/null
npm install --silent --no-audit --no-fund fflate@0.8.3 >/dev/null

printf 'one\ntwo\nsix\n' | gzip -n >first.gz
printf 'ten\n' | gzip -n >second.gz
printf '' | gzip -n >empty.gz
cat first.gz second.gz >two.gz
cat first.gz empty.gz >ended.gz

cat >lines.cjs <<'JS'
const fflate = require("fflate"), zlib = require("zlib"), body = require("fs").readFileSync(process.argv[2]);
const count = (text) => Buffer.from(text).toString().split("\n").length - 1;
console.log(`  node zlib          ${count(zlib.gunzipSync(body))} lines`);
let found;
try { found = `${count(fflate.gunzipSync(body))} lines`; } catch (error) { found = `an error: ${error.message}`; }
console.log(`  fflate             ${found}`);
JS
cat >lines.py <<'PYTHON'
import gzip
import sys

import deflate

body = open(sys.argv[1], "rb").read()
print(f"  python gzip        {gzip.decompress(body).count(10)} lines")
print(f"  deflate            {bytes(deflate.gzip_decompress(body)).count(10)} lines")
PYTHON

{
  echo 'three lines and one line, as two members'
  node lines.cjs two.gz
  echo 'three lines and an empty member, as bgzip ends each file'
  node lines.cjs ended.gz
  venv/bin/python lines.py ended.gz
} | tee seen

cat >expected <<'TEXT'
three lines and one line, as two members
  node zlib          4 lines
  fflate             1 lines
three lines and an empty member, as bgzip ends each file
  node zlib          3 lines
  fflate             0 lines
  python gzip        3 lines
  deflate            0 lines
TEXT
if diff expected seen; then
  echo 'as seen on 2026-11-30'
else
  echo 'CHANGED since 2026-11-30'
  exit 1
fi
