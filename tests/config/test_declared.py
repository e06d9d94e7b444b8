"""What a consumer declares of its keys is all that a person needs: `kinesis-fleet keys`, and a file to begin with."""

import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from consumers.cli import main
from consumers.config.declared import declared, reference
from consumers.config.settings import load
from consumers.registry import CONSUMERS


@pytest.mark.parametrize("name", CONSUMERS)
def test_every_key_says_what_to_give(name: str) -> None:
    """Each has a remedy; one that is required has an example, so that a file can be written."""
    for key in declared(CONSUMERS[name]):
        assert key.remedy, f"{key.key}: give its Meta a description"
        assert key.default is not None or key.example, f"{key.key} is required: give its Meta examples=[...]"


@pytest.mark.parametrize("name", CONSUMERS)
def test_the_written_file_is_one_that_check_takes(tmp_path: Path, name: str) -> None:
    """As it is, and with every default written out."""
    file = tmp_path / "consumer.properties"
    file.write_text(reference(CONSUMERS[name]))
    plain = load(file, CONSUMERS, environment={"AWS_REGION": "eu-west-1"}).section
    file.write_text(re.sub("(?m)^#([^ ]+ = )", r"\1", reference(CONSUMERS[name])))
    assert load(file, CONSUMERS, environment={"AWS_REGION": "eu-west-1"}).section == plain


def test_the_command_prints_lines_json_and_a_file() -> None:
    """Tables are for terminals."""
    lines, json, file = (
        CliRunner().invoke(main, ["keys", *options, "s3_archive"]) for options in ([], ["--json"], ["--properties"])
    )
    assert "archive.bucket  required" in lines.output
    assert {"key": "archive.maxRecords"}.items() <= msgspec.json.decode(
        next(line for line in json.output.splitlines() if "archive.maxRecords" in line)
    ).items()
    assert file.output.startswith("# s3_archive")
    assert {answer.exit_code for answer in (lines, json, file)} == {0}
