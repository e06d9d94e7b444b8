"""KCL's own code beside ours: what it makes of an aggregate, and that one which it cannot unpack ends nothing."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aws_kinesis_agg import aggregator

from consumers.kcl import jars, launcher
from consumers.kcl.aggregates import MAGIC, opened
from tests.config.sample import settings

Message: Any = aggregator.messages_pb2.AggregatedRecord
KEY = "a key that no log shows"
HASH = int.from_bytes(hashlib.md5(KEY.encode(), usedforsecurity=False).digest())
LAST = 2**128 - 1
PROGRAM = """
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import software.amazon.kinesis.retrieval.AggregatorUtil;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

public class Deaggregate {
    public static void main(String[] arguments) {
        for (int at = 0; at < arguments.length; at += 3) {
            KinesisClientRecord record = KinesisClientRecord.builder()
                    .data(ByteBuffer.wrap(HexFormat.of().parseHex(arguments[at])))
                    .partitionKey("key").sequenceNumber("495").approximateArrivalTimestamp(Instant.EPOCH).build();
            List<KinesisClientRecord> found =
                    new AggregatorUtil().deaggregate(List.of(record), arguments[at + 1], arguments[at + 2]);
            boolean asItStands = found.size() == 1 && !found.get(0).aggregated();
            System.out.println(asItStands ? "plain" : Integer.toString(found.size()));
        }
    }
}
"""


class Case(NamedTuple):
    """An aggregate in a shard of this range."""

    data: bytes
    first: int = 0
    last: int = LAST


def of_producer(*hash_keys: str | None) -> bytes:
    """Aggregate as AWS's library for Python does."""
    made = aggregator.RecordAggregator()
    for hash_key in hash_keys:
        made.add_user_record(KEY, b"data", hash_key)
    data: bytes = made.clear_and_get().get_contents()[2]
    return data


def damaged(*indices: tuple[int, int | None], hash_key: str = "7") -> bytes:
    """Aggregate user records by these indices of one key and of one explicit hash key."""
    message = Message(partition_key_table=[KEY], explicit_hash_key_table=[hash_key])
    for index, explicit in indices:
        record = message.records.add(partition_key_index=index, data=b"data")
        if explicit is not None:
            record.explicit_hash_key_index = explicit
    body: bytes = message.SerializeToString()
    return MAGIC + body + hashlib.md5(body, usedforsecurity=False).digest()


CASES = {
    "whole": Case(of_producer(None, None)),
    "inside": Case(of_producer(None, None), HASH, HASH),
    "below": Case(of_producer(None, None), HASH + 1),
    "above": Case(of_producer(None, None), 0, HASH - 1),
    "explicit": Case(of_producer("7", "7"), 7, 7),
    "the last is outside": Case(of_producer("7", "7", "8"), 7, 7),
    "the first is outside": Case(of_producer("8", "7"), 7, 7),
    "explicit and not": Case(of_producer("7", None), 7, 7),
    "no such key": Case(damaged((0, None), (1, None))),
    "no such hash key": Case(damaged((0, 0), (0, 0), (0, 3))),
    "no number": Case(damaged((0, 0), hash_key="seven")),
    "negative": Case(damaged((2**31, None))),
    "cut to an int": Case(damaged((2**32, None))),
    "no record": Case(damaged()),
    "plain": Case(b"plain"),
    "another digest": Case(of_producer(None)[:-1] + b"x"),
    "no message": Case(MAGIC + b"\xff" + hashlib.md5(b"\xff", usedforsecurity=False).digest()),
    "the magic alone": Case(MAGIC),
}


def expected(case: Case) -> str:
    """Say what our reading of KCL's steps gives: as it stands, or so many user records."""
    found = opened(*case)
    if found is None:
        return "plain"
    if found.outside is not None:
        return "0"
    return str(found.user_records if found.broken is None else found.broken)


@pytest.mark.skipif(shutil.which("javac") is None, reason="needs a JDK")
def test_kcl_makes_the_same_of_them(tmp_path: Path) -> None:
    """Each aggregate comes to what `opened` says; one that cannot be unpacked is logged, by its number alone."""
    source = tmp_path / "Deaggregate.java"
    source.write_text(PROGRAM)
    launch = launcher.render(settings(tmp_path), tmp_path)
    flags = launch.command[1 : launch.command.index(launcher.MAIN_CLASS)]
    arguments = [word for one in CASES.values() for word in (one.data.hex(), str(one.first), str(one.last))]
    command = [launch.command[0], *flags, str(source), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert dict(zip(CASES, answer.stdout.split(), strict=True)) == {name: expected(one) for name, one in CASES.items()}
    said = [json.loads(line) for line in answer.stderr.splitlines()]
    assert {(line["level"], line["event"]) for line in said} == {
        ("error", "Unexpected exception during deaggregation [withheld] Sequence number: 495")
    }
    assert len(said) == sum((found := opened(*one)) is not None and found.broken is not None for one in CASES.values())


@pytest.mark.skipif(shutil.which("javac") is None, reason="needs a JDK")
@pytest.mark.parametrize("name", [Path("javax/xml/bind/DatatypeConverter"), Path("fleet/Leave")], ids=str)
def test_the_class_is_made_of_its_source(tmp_path: Path, name: Path) -> None:
    """What Java loads is what the source beside it says."""
    source = launcher.CLASSES / name.with_suffix(".java")
    beside = f"{jars.folder()}/*"
    subprocess.run(["javac", "--release", "17", "-g:none", "-cp", beside, "-d", str(tmp_path), str(source)], check=True)

    def told(folder: Path) -> str:
        command = ["javap", "-c", "-p", str(folder / name.with_suffix(".class"))]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert told(launcher.CLASSES) == told(tmp_path)
