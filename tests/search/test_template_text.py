"""The index template as text: what is wanted, and where the server's differs. No server is asked here."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from consumers.search.template import EPAS, WrongTemplate, differences, template_of


def epas() -> dict[str, Any]:
    """Give the body of the product's own template, as plain JSON."""
    body: dict[str, Any] = json.loads(json.dumps(template_of("e-%Y.%m.%d", EPAS, data_stream=False).body))
    return body


def test_the_template_covers_the_names_of_the_indices() -> None:
    """Its own name tells which, so that two applications do not overwrite each other's."""
    template = template_of("player-events-%Y.%m.%d", EPAS, data_stream=False)
    assert template.name == "kinesis-fleet-player-events"
    assert template.body["index_patterns"] == ["player-events-*"]
    assert "data_stream" not in template.body
    assert template_of("e", EPAS, data_stream=True).body["data_stream"] == {}


def test_unknown_fields_neither_grow_the_mapping_nor_reject() -> None:
    """A producer's new field is stored, and not indexed, until somebody maps it."""
    assert epas()["template"]["mappings"]["dynamic"] is False


def test_ones_own_file_is_taken(tmp_path: Path) -> None:
    """Settings, mappings and aliases."""
    path = tmp_path / "t.json"
    path.write_text('{"mappings": {"dynamic": "strict"}}')
    assert template_of("e", str(path), data_stream=False).body["template"] == {"mappings": {"dynamic": "strict"}}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"index_patterns": ["*"]}', '{"mappings":{},"mappings":{}}', None])
def test_a_file_that_is_no_template_is_refused(tmp_path: Path, text: str | None) -> None:
    """It says which file, and exits as a configuration does that a restart does not mend."""
    path = tmp_path / "t.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(WrongTemplate, match=r"t\.json") as caught:
        template_of("e", str(path), data_stream=False)
    assert caught.value.exit_code == 78


def test_what_servers_write_differently_is_no_difference() -> None:
    """Nested settings, numbers as texts, `false` as a text, and additions of their own."""
    standing = epas()
    standing["template"]["settings"] = {
        "index": {"refresh_interval": "5s", "mapping": {"total_fields": {"limit": 200}}}
    }
    standing["template"]["mappings"]["dynamic"] = "false"
    standing["composed_of"] = []
    assert differences(epas(), standing) == []


def test_each_difference_is_named_by_its_path() -> None:
    """Also what one of the two does not have."""
    standing = deepcopy(epas())
    standing["template"]["mappings"]["dynamic"] = True
    del standing["template"]["mappings"]["properties"]["event"]["ignore_above"]
    standing["template"]["settings"]["index.number_of_shards"] = "3"
    standing["data_stream"] = {"hidden": False}
    assert differences(epas(), standing) == [
        "data_stream: false, on the server true",
        'settings.index.number_of_shards: absent, on the server "3"',
        'mappings.dynamic: "false", on the server "true"',
        "mappings.properties.event.ignore_above: 1024, on the server absent",
    ]
