"""The command, against both S3 servers: what it prints for people and machines, and its exit codes."""

import base64
import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from consumers import aws as sessions
from consumers.cli import main
from consumers.commands import dead_letters as command
from consumers.config.consumer import Consumer
from consumers.config.settings import Settings, load
from consumers.letters import opening, progress
from consumers.letters.counts import Counting
from consumers.letters.letter import KILLS_PROCESS, Letter
from consumers.letters.permit import Permit
from consumers.letters.printing import print_counts
from consumers.letters.shown import shown
from consumers.letters.store import DeadLetters
from consumers.records import HOUR_MS, Record
from consumers.registry import CONSUMERS
from consumers.s3_archive import S3_ARCHIVE
from consumers.waiting import Unavailable
from tests.letters.sample import NOON_MS, PLACE, SAMPLE, SHARD, letter, properties, stored
from tests.support.archive import archive_of, write_properties
from tests.support.servers import Server

OTHER = "shardId-000000000001"


class Stage:
    """A bucket with letters, a properties file, and a consumer that takes all but what is refused."""

    def __init__(self, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self.file = properties(folder, server.endpoint)
        self.letters = DeadLetters(archive_of(server), PLACE)
        self.refused: set[str] = set()
        self.away = False
        self.taken: list[tuple[str, Record]] = []
        self.consumer = replace(SAMPLE, redrive=self._redrive)
        monkeypatch.setattr(command, "CONSUMERS", {**CONSUMERS, "sample": self.consumer})

    def use(self, monkeypatch: pytest.MonkeyPatch, consumer: Consumer) -> None:
        """Let the file be of another consumer."""
        monkeypatch.setattr(command, "CONSUMERS", {consumer.name: consumer})

    def run(self, *arguments: str) -> Result:
        """Run a subcommand on the file."""
        return CliRunner().invoke(main, ["dead-letters", *arguments, str(self.file)])

    def _redrive(self, settings: Settings) -> "Stage":
        assert settings.application == "app"
        return self

    def __call__(self, shard: str, records: Sequence[Record]) -> list[Letter]:
        """Take records."""
        if self.away:
            raise Unavailable("PUT _bulk: no answer", "none: it is tried again")
        self.taken += [(shard, one) for one in records if one.partition_key not in self.refused]
        return [letter(int(one.partition_key[4:]), "again") for one in records if one.partition_key in self.refused]


@pytest.fixture
def stage(s3: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Give an empty stage."""
    sessions.forget()
    yield Stage(s3, folder, monkeypatch)
    sessions.forget()


def test_list(stage: Stage) -> None:
    """Counts by hour, shard and reason; a letter that was stored twice counts once."""
    stage.letters.put([letter(1), letter(2), letter(3, "not_object")])
    stage.letters.put([letter(2), letter(3, "not_object"), letter(4)])
    stage.letters.put([letter(1, arrival_ms=NOON_MS + HOUR_MS, shard=OTHER)])
    answer = stage.run("list")
    assert answer.exit_code == 0
    assert [line.split() for line in answer.output.splitlines()[:-1]] == [
        ["2026-01-31T12", SHARD, "json_invalid", "3"],
        ["2026-01-31T12", SHARD, "not_object", "1"],
        ["2026-01-31T13", OTHER, "json_invalid", "1"],
    ]
    assert answer.output.splitlines()[-1].startswith(
        "5 dead letters in 3 objects; the oldest arrived 2026-01-31T12:00:00Z, "
    )


def test_list_as_json(stage: Stage) -> None:
    """One object, also where there is nothing; the options narrow it."""
    nothing = json.loads(stage.run("list", "--json").output)
    assert nothing == {
        "letters": 0,
        "objects": 0,
        "damaged": [],
        "oldest": None,
        "oldestAgeSeconds": None,
        "groups": [],
    }
    stage.letters.put([letter(1), letter(2, "not_object"), letter(3, arrival_ms=NOON_MS + HOUR_MS)])
    counts = json.loads(stage.run("list", "--json", "--to", "2026-01-31T12", "--reason", "not_object").output)
    group = {"hour": "2026-01-31T12", "shard": SHARD, "reason": "not_object", "letters": 1}
    assert (counts["letters"], counts["groups"]) == (1, [group])
    assert abs(counts["oldestAgeSeconds"] - (stage.letters.now_ms() - NOON_MS) / 1000) < 60
    assert json.loads(stage.run("list", "--json", "--shard", OTHER).output)["letters"] == 0


def test_show(stage: Stage) -> None:
    """A line for each letter, in order, with all that is known of it."""
    stage.letters.put([letter(1, payload=b"\xff\0"), letter(2)])
    first, second = (json.loads(line) for line in stage.run("show").output.splitlines())
    assert (base64.b64decode(first["base64"]), "text" in first) == (b"\xff\0", False)
    assert second == {
        "position": str(letter(2).position),
        "arrival": "2026-01-31T12:00:00Z",
        "stream": "player-events",
        "shard": SHARD,
        "sequence": letter(2).sequence,
        "sub": 0,
        "partitionKey": "key 2",
        "arrivalMs": NOON_MS,
        "reason": "json_invalid",
        "detail": "cut short at byte 7",
        "consumer": "sample",
        "version": "0.1.0",
        "application": "app",
        "base64": "eyJuIjogMg==",
        "text": '{"n": 2',
    }


def test_show_narrows(stage: Stage) -> None:
    """By shard, reason, position and number."""
    stage.letters.put([letter(n, "ab"[n % 2]) for n in range(6)])
    stage.letters.put([letter(9, shard=OTHER)])

    def numbers(*arguments: str) -> list[str]:
        return [json.loads(line)["partitionKey"][4:] for line in stage.run("show", *arguments).output.splitlines()]

    assert numbers("--reason", "b", "--limit", "2") == ["1", "3"]
    assert numbers("--shard", OTHER) == ["9"]
    position = str(letter(4).position)
    assert numbers("--position", position, "--position", letter(5).sequence) == ["4", "5"]
    assert stage.run("show", "--position", "x").exit_code == 2


def test_nothing_moves_a_terminals_cursor() -> None:
    """Escapes of terminals, marks of direction and the like are written as JSON escapes: the line stays readable."""
    evil = "\x1b[2J\x7f\x9b\u202e\u2028\U000e0001é漢 ok"
    line = shown(letter(1, payload=evil.encode(), detail=evil), terminal=True)
    assert line.isprintable()
    assert "é漢 ok" in line
    assert (json.loads(line)["text"], json.loads(line)["detail"]) == (evil, evil)
    assert "\x9b" in shown(letter(1, payload=evil.encode()), terminal=False)


def test_redrive(stage: Stage) -> None:
    """Records go through as they were delivered; what passes leaves the store, what does not is left, and says so."""
    stage.letters.put([letter(n) for n in range(4)])
    stage.refused = {"key 2"}
    dry = json.loads(stage.run("redrive", "--dry-run", "--json").output)
    assert (dry["letters"], stage.taken) == (4, [])
    answer = stage.run("redrive", "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.output) == {"objects": 1, "passed": 3, "rejectedAgain": 1}
    assert stage.taken == [(SHARD, letter(n).record()) for n in (0, 1, 3)]
    assert [(one.partition_key, one.reason) for one in stored(stage.letters)] == [("key 2", "again")]
    stage.refused = set()
    answer = stage.run("redrive")
    assert (answer.exit_code, answer.output) == (0, "1 letters passed, 0 were rejected again; 1 objects\n")
    assert list(stage.letters.entries()) == []


def test_redrive_leaves_killers_alone(stage: Stage) -> None:
    """They go through only where they are named."""
    stage.letters.put([letter(1), letter(2, KILLS_PROCESS)])
    stage.run("redrive")
    assert [one.reason for one in stored(stage.letters)] == [KILLS_PROCESS]
    stage.run("redrive", "--reason", KILLS_PROCESS)
    assert stored(stage.letters) == []


def test_a_destination_that_is_away(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for, for a while; then the command says so, and nothing is lost."""
    monkeypatch.setattr(opening, "_PATIENCE_S", 0.3)
    stage.letters.put([letter(1)])
    stage.away = True
    answer = stage.run("redrive")
    assert answer.exit_code == 69
    assert "did not accept" in answer.stderr
    assert stored(stage.letters) == [letter(1)]


def test_long_work_says_how_far_it_is(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """On stderr, so that the result can be piped."""
    monkeypatch.setattr(progress, "_SAY_EACH_S", -1)
    stage.letters.put([letter(1)])
    stage.letters.put([letter(2)])
    answer = stage.run("redrive", "--json")
    assert answer.stderr.splitlines() == [f"2026-01-31T12: put through {n} objects" for n in (1, 2)]
    assert json.loads(answer.stdout)["passed"] == 2


def test_a_terminal_has_a_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a reason as it is, whatever brackets are in it."""
    monkeypatch.setenv("COLUMNS", "200")
    counting = Counting()
    counting.add([letter(n, "[red]") for n in range(1200)])
    with (folder / "out").open("w+") as out, contextlib.redirect_stdout(out):
        monkeypatch.setattr(out, "isatty", lambda: True)
        print_counts(counting.counts(1, (), NOON_MS + 5000), as_json=False)
        out.seek(0)
        lines = out.read().splitlines()
    assert [line.replace("│", " ").split() for line in lines if line.startswith("│")] == [
        ["2026-01-31T12", SHARD, "[red]", "1,200"]
    ]
    assert lines[-1] == "1,200 dead letters in 1 objects; the oldest arrived 2026-01-31T12:00:00Z, 5 s ago"


def test_purge_needs_a_yes(stage: Stage) -> None:
    """Without it, it says what would go; with it, only what was chosen goes."""
    stage.letters.put([letter(1), letter(2, "not_object"), letter(3, arrival_ms=NOON_MS + HOUR_MS)])
    answer = stage.run("purge", "--reason", "not_object")
    assert answer.exit_code == 1
    assert "1 dead letters" in answer.stdout
    assert "--yes" in answer.stderr
    assert len(stored(stage.letters)) == 3
    answer = stage.run("purge", "--reason", "not_object", "--yes", "--json")
    assert (answer.exit_code, json.loads(answer.output)) == (0, {"objects": 1, "letters": 1})
    answer = stage.run("purge", "--from", "2026-01-31T13", "--yes")
    assert (answer.exit_code, answer.output) == (0, "removed 1 objects\n")
    assert stored(stage.letters) == [letter(1)]


def test_let_through(stage: Stage) -> None:
    """The consumer reads it at once; a time without an end is wrong usage."""
    permit = Permit(archive_of(stage.server), "app")
    answer = stage.run("let-through", "--for", "30m")
    assert answer.exit_code == 0
    assert "let through until 20" in answer.output
    assert permit.allowed() is True
    stage.run("let-through", "--for", "0m")
    assert permit.allowed() is False
    for wrong in ("25h", "1", "h", "-1h", "1d", "9999999999h", ""):
        assert stage.run("let-through", "--for", wrong).exit_code == 2


def test_a_damaged_object_is_named_and_hides_nothing(stage: Stage) -> None:
    """Exit code 65, and all others are there."""
    stage.letters.put([letter(1)])
    (entry,) = stage.letters.entries()
    store = archive_of(stage.server)
    store.swap(entry.key, b"damaged", store.find(entry.key).version)  # type: ignore[union-attr]
    stage.letters.put([letter(2)])
    for arguments in (("list",), ("show",), ("redrive",)):
        answer = stage.run(*arguments)
        assert answer.exit_code == 65
        assert entry.key in answer.stderr
    assert [one.partition_key for _, one in stage.taken] == ["key 2"]
    assert json.loads(stage.run("list", "--json").output)["damaged"][0].startswith(entry.key)


def test_a_consumer_without_dead_letters(stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 78, and what to do."""
    stage.use(monkeypatch, replace(S3_ARCHIVE, aside=None))
    stage.file = write_properties(folder, stage.server.endpoint)
    for arguments in (("list",), ("purge", "--yes"), ("let-through", "--for", "1h")):
        answer = stage.run(*arguments)
        assert answer.exit_code == 78
        assert "no dead letters" in answer.stderr


def test_a_consumer_that_cannot_put_through_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so before it touches anything."""
    stage.use(monkeypatch, SAMPLE)
    answer = stage.run("redrive")
    assert answer.exit_code == 78
    assert "dead-letters show" in answer.stderr


def test_a_bucket_that_is_not_there(stage: Stage, folder: Path) -> None:
    """The remedy names the key of this bucket."""
    stage.file = properties(folder, stage.server.endpoint, **{"sample.deadLetters.bucket": "no-such-bucket"})
    answer = stage.run("list")
    assert answer.exit_code == 69
    assert "sample.deadLetters.bucket" in answer.stderr


@pytest.mark.parametrize("name", ["list", "show", "redrive", "purge", "let-through"])
def test_help_has_examples_and_exit_codes(name: str) -> None:
    """Wherever one looks."""
    text = CliRunner().invoke(main, ["dead-letters", name, "--help"]).output
    assert "Examples:" in text
    assert "Exit codes:" in text


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("prefix", "_kinesis-fleet/x", "own state"),
        ("prefix", "a/../b", "parts"),
        ("prefix", "/a", "begin with"),
        ("bucket", "Bad", "form"),
        ("bucket", "it--use1-az1--x-s3", "general purpose"),
        ("kmsKeyId", "arn", "sample.deadLetters.sse"),
        ("sse", "rot13", "none of"),
    ],
)
def test_settings_are_checked(folder: Path, key: str, value: str, told: str) -> None:
    """Each fault names its key, before anything starts."""
    file = properties(folder, "", **{f"sample.deadLetters.{key}": value})
    with pytest.raises(Exception, match=told) as fault:
        load(file, {"sample": SAMPLE}, environment={})
    assert f"sample.deadLetters.{key}: " in str(fault.value)


def test_settings_of_a_consumer_hold_the_bucket(folder: Path) -> None:
    """Defaults, the section's own keys beside them, and what every object is asked for."""
    file = properties(folder, "", **{"sample.maxAgeSeconds": "5", "sample.deadLetters.expectedOwner": "123456789012"})
    section = load(file, {"sample": SAMPLE}, environment={}).section
    assert (section.max_age_seconds, section.letters_prefix) == (5.0, "dead-letters")
    _, store = opening.opened(load(file, {"sample": SAMPLE}, environment={}), SAMPLE)
    assert (store.access.expected_owner, store.access.keys) == ("123456789012", "sample.deadLetters")
