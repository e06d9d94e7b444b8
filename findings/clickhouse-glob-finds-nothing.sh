#!/bin/bash
# ClickHouse knows no character classes in the paths of its files: `[!_]*` matches nothing, and the answer is 0 rows.
#
# Of:        chdb 4.4.0 (ClickHouse 26.9 in a Python package), the table function file().
# Seen:      2026-11-30, Python 3.11.
# Needs:     Python 3 with venv. chdb (some 150 MB) is fetched, by exact version, into a folder that is removed.
#
# What one would guess: that a glob which shells, Python, DuckDB and Polars understand is understood, or refused; and that
# a path that matches no file is an error, as it is for one plain name.
# What happens: `[!_]*`, which elsewhere leaves out `_SUCCESS` and whatever else begins with an underscore, is looked for
# literally. No file has such a name, and count() is 0, without an error or a warning.
# Why it matters: it is the usual way past the markers that Hadoop's writers leave in a folder. A report that is moved from
# DuckDB to ClickHouse says that nothing happened, in every hour. `*.json`, or whatever the data ends with, is right in both.
#
# Output as it was seen:
#   shell, [!_]*:        1 file
#   ClickHouse, *.json:  3 rows
#   ClickHouse, *:       4 rows
#   ClickHouse, [!_]*:   0 rows
#   ClickHouse, a plain name that is not there: an error
#   as seen on 2026-11-30
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install -q --disable-pip-version-check chdb==4.4.0 chdb-core==26.9.0

mkdir hour
printf '{"n":1}\n{"n":2}\n{"n":3}\n' >hour/events.json
echo '{}' >hour/_SUCCESS

cat >count.py <<'PYTHON'
import glob

import chdb


def rows(path):
    """Count the rows that ClickHouse sees there."""
    try:
        return int(chdb.query(f"SELECT count() FROM file('{path}', 'JSONAsString')", "CSV").bytes().decode())
    except RuntimeError:
        return None


files = len(glob.glob("hour/[!_]*"))
found = [files, rows("hour/*.json"), rows("hour/*"), rows("hour/[!_]*"), rows("hour/nothing.json")]
print(f"shell, [!_]*:        {found[0]} file")
for name, count in zip(["*.json", "*", "[!_]*"], found[1:4], strict=True):
    print(f"ClickHouse, {name + ':':8} {count} rows")
print("ClickHouse, a plain name that is not there:", "an error" if found[4] is None else f"{found[4]} rows")
raise SystemExit(found != [1, 3, 4, 0, None])
PYTHON

if venv/bin/python count.py; then
  echo 'as seen on 2026-11-30'
else
  echo 'CHANGED since 2026-11-30'
  exit 1
fi
