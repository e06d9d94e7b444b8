#!/bin/bash
# DuckDB types a hive folder's `hour` as a text before ten o'clock, and as a number after it.
#
# Of:        DuckDB 2.0.1 (Python package), read_json with hive_partitioning.
# Seen:      2026-11-30, Python 3.11.
# Needs:     Python 3 with venv. DuckDB is fetched, by exact version, into a folder that is removed.
#
# What one would guess: that a column has one type, whichever folders of one table a query reads; that `hour=08` and
# `hour=10` are told apart from a text by the same rule.
# What happens: a folder whose value has a leading zero makes the column a VARCHAR, for all folders of the query. Where no
# folder has one it is a BIGINT. `dt` is a DATE both times.
# Why it matters: a table by hours is the common layout of a lake. The same query gives `hour` as a text in the morning and
# as a number from ten o'clock on, or for a day's part without its first hours: a view, an INSERT or a client that was
# made for one of them fails, or sorts and compares as text. `hive_types` names the type, and must be given.
#
# Output as it was seen:
#   hour=08 and hour=09:       hour VARCHAR
#   hour=10 and hour=11:       hour BIGINT
#   all four:                  hour VARCHAR
#   all four, with hive_types: hour BIGINT
#   as seen on 2026-11-30
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install -q --disable-pip-version-check duckdb==2.0.1

for hour in 08 09 10 11; do
  mkdir -p "lake/dt=2026-01-31/hour=$hour"
  echo '{"event":"play"}' >"lake/dt=2026-01-31/hour=$hour/events.json"
done

cat >hour.py <<'PYTHON'
import duckdb


def hour(folders, more=""):
    """Describe the table that these folders are."""
    query = f"DESCRIBE SELECT * FROM read_json('lake/dt=*/hour={folders}/*.json', hive_partitioning = true{more})"
    return dict(row[:2] for row in duckdb.execute(query).fetchall())["hour"]


named = ", hive_types = {'dt': DATE, 'hour': BIGINT}"
found = [hour("0*"), hour("1*"), hour("*"), hour("*", named)]
names = ["hour=08 and hour=09:", "hour=10 and hour=11:", "all four:", "all four, with hive_types:"]
for name, kind in zip(names, found, strict=True):
    print(f"{name:26} hour {kind}")
raise SystemExit(found != ["VARCHAR", "BIGINT", "VARCHAR", "BIGINT"])
PYTHON

if venv/bin/python hour.py; then
  echo 'as seen on 2026-11-30'
else
  echo 'CHANGED since 2026-11-30'
  exit 1
fi
