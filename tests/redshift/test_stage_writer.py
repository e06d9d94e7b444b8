"""A staged object: the rows of a run, and beside it the dead letters of the rest."""

import gzip
import hashlib
import random

from consumers.documents.document import Rejected
from consumers.letters.letter import Letter, LetterHead, letters_in, unpacked
from consumers.records import Record
from consumers.redshift.stage_writer import StageContent, StageWriter, letters_key

HEAD = LetterHead("events", "shard-1", "redshift_stage", "1.0", "app")
KEY = "staged/dt=2026-11-27/hour=12/events.shard-1.1.0.lines.gz"


def record(number: int, payload: bytes | None = None) -> Record:
    return Record(b"%d" % number if payload is None else payload, "key", str(number), 1_764_500_000_000 + number)


def judge(one: Record) -> tuple[bytes, ...] | Rejected:
    """Refuse each third; of the others each second makes two rows."""
    number = int(one.sequence_number)
    if number % 3 == 0:
        return Rejected("third", f"{number} is a third")
    return (b'{"n":%d}\n' % number,) * (1 + number % 2)


def content(*runs: list[Record], judged: object = judge) -> StageContent:
    writer = StageWriter(judged, 7, HEAD)  # type: ignore[arg-type]
    for run in runs:
        writer.add(run, [one.arrival_ms for one in run])
    return writer.finish()


def letters(of: StageContent) -> list[Letter]:
    return letters_in(unpacked(of.letters)) if of.letters else []


RUN = [record(number) for number in range(1, 31)]


def test_an_object_is_the_rows_in_the_order_of_the_records() -> None:
    """One member of gzip: COPY, and any other reader, takes it as lines of JSON."""
    found = content(RUN[:13], RUN[13:])
    lines = [line for one in RUN if isinstance(rows := judge(one), tuple) for line in rows]
    assert gzip.decompress(found.body) == b"".join(lines)
    assert found.sha256 == hashlib.sha256(found.body).digest()
    assert (found.rows, found.rejected, found.table) == (len(lines), 10, 7)


def test_each_rejected_record_leaves_one_letter_with_all_of_it() -> None:
    """So nothing of it is anywhere else only."""
    found = letters(content(RUN))
    assert [letter.record() for letter in found] == [one for one in RUN if int(one.sequence_number) % 3 == 0]
    assert {(letter.reason, letter.application, letter.shard) for letter in found} == {("third", "app", "shard-1")}


def test_the_link_says_what_the_loader_and_an_adopter_need() -> None:
    """The numbers, the table's version, and the digest that names the letters beside."""
    found = content(RUN)
    digest = hashlib.sha256(found.letters).hexdigest()
    assert found.notes == {"rows": "30", "rejected": "10", "table": "7", "letters": digest}
    assert [*found.beside(KEY)] == [(letters_key(KEY, digest), found.letters)]


def test_an_object_without_rejected_records_has_nothing_beside() -> None:
    """And says so."""
    found = content([record(1), record(2)])
    assert [*found.beside(KEY)] == []
    assert (found.notes["rejected"], found.notes["letters"], found.letters) == ("0", "", b"")


def test_an_object_of_only_rejected_records_is_gzip_of_nothing() -> None:
    """It stands in the chain all the same: a run must not be judged again by another table later."""
    found = content([record(number) for number in range(3, 300, 3)])
    assert gzip.decompress(found.body) == b""
    assert (found.rows, found.rejected, len(letters(found))) == (0, 99, 99)


def test_the_same_records_make_the_same_bytes() -> None:
    """However they were delivered: two writers that judge alike name the same letters."""
    one, other = content(RUN), content(*([each] for each in RUN))
    assert (gzip.decompress(one.body), one.letters, one.notes) == (
        gzip.decompress(other.body),
        other.letters,
        other.notes,
    )


def test_letters_of_other_records_have_another_name() -> None:
    """Of two objects that raced for a key, the loser's letters are found by nobody."""
    names = {name for run in (RUN, RUN[:20], RUN[:3]) for name, _ in content(run).beside(KEY)}
    assert len(names) == 3


def test_letters_are_hidden_from_who_lists_rows() -> None:
    """Beside the object, under a name that begins with an underscore."""
    assert letters_key(KEY, "0123456789abcdef" * 4) == (
        "staged/dt=2026-11-27/hour=12/_events.shard-1.1.0.lines.gz.0123456789abcdef.letters.gz"
    )
    assert letters_key("x", "0" * 64) == "_x.0000000000000000.letters.gz"


def test_its_records_come_back_as_they_were() -> None:
    """Where another writer's object ends inside this one, what is left of them begins the next."""
    run = [record(1, b""), record(3, b"\n\n"), record(4, b"\0\xff")]
    assert [*content(run[:1], run[1:]).records()] == run
    assert content(run).payload_bytes == 4


def test_letters_bound_the_object_too() -> None:
    """A run of only rejected records is cut before it fills the memory."""
    writer = StageWriter(judge, 7, HEAD)
    run = [record(number, b"x" * 1000) for number in range(3, 303, 3)]
    writer.add(run, [one.arrival_ms for one in run])
    assert writer.compressed_bytes > 100 * 1000


def test_records_of_which_a_table_takes_little_bound_the_object_too() -> None:
    """They lie in memory until the object is written, and do not compress."""
    writer, rng = StageWriter(judge, 7, HEAD), random.Random(1)
    run = [record(number, rng.randbytes(10_000)) for number in range(1, 3001, 30)]
    writer.add(run, [one.arrival_ms for one in run])
    assert writer.compressed_bytes > 200_000
    assert len(writer.finish().body) < 10_000


def test_only_a_few_letters_are_of_a_few_bytes() -> None:
    """What is beside an object is compressed."""
    run = [record(number, b"x" * 1000) for number in range(3, 303, 3)]
    assert len(content(run).letters) < 20_000
