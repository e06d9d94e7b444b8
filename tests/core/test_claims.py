"""Two files share no place unawares: neither folders, however they are written, nor the state under one name."""

import re

import pytest

from consumers.chain.claims import claim_folders, claim_layout, claim_name, coincide, folder_key, template_of
from consumers.chain.layout import Layout
from consumers.chain.origin import ChainRecord, Origin, claim, claim_prefix, owner_key, owner_of, record_key, records_of
from consumers.letters.settings import LetterSettings, claim_letters
from consumers.letters.starts import Starts
from consumers.letters.suspects import Suspects
from consumers.records import Position, Record
from consumers.redshift.names import Names
from consumers.search.following import Following
from consumers.search.names import IndexNames
from consumers.waiting import Parked
from tests.memory_store import MemoryStore
from tests.model.fleet import Silent

HOURLY = "dt=%Y-%m-%d/hour=%H"
ONE = Layout("raw/events", HOURLY, "events", ".gz")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("raw/events/" + HOURLY, "raw/events/" + HOURLY, True),
        ("raw/" + HOURLY, "raw/events/" + HOURLY, False),
        ("raw/%Y/%m/%d/%H", "raw/2026/%m/%d/%H%Y", False),
        ("raw/%Y/%m/%d/%H", "raw/2026/%m/%d/%H/%Y", True),
        ("raw/%Y/%m/%d/%H", "raw/%Y/%m/%d/%H/part", True),
        ("raw/%Y/%m/%d/%H", "raw/%Y/%m/%d/%Hpart", False),
        ("raw/%Y/%m/%d/%H", "raw/%Y%m/%d/%H", False),
        ("%Y/%m/%d/%H", "2026/01/%d/%m/%H/%Y", True),
        ("raw/" + HOURLY, "raw/" + HOURLY + "/", True),
        ("raw/" + HOURLY, "Raw/" + HOURLY, False),
        ("a/dt=%Y-%m-%d-%H", "a/dt=%d-%m-%Y-%H", False),
    ],
)
def test_which_folders_can_be_the_same(one: str, other: str, *, same: bool) -> None:
    """What counts is what keys begin with; a folder within another one's is read with it."""
    assert coincide(one, other) == coincide(other, one) == same


@pytest.mark.parametrize(
    ("prefix", "partition"),
    [("raw", f"events/{HOURLY}"), ("", f"raw/events/{HOURLY}"), ("raw/events/", HOURLY), ("raw", f"events/{HOURLY}/x")],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_same_folders_written_otherwise_are_refused(prefix: str, partition: str, *, turned: bool) -> None:
    """Whoever comes second parks, and leaves no claim that would park the first."""
    store = MemoryStore()
    layouts = [ONE, Layout(prefix, partition, "clicks", ".gz")]
    first, second = reversed(layouts) if turned else layouts
    claim_layout(store, "one", "r:first", first)
    for _ in range(2):
        with pytest.raises(Parked, match="belong") as fault:
            claim_layout(store, "two", "r:second", second)
        assert "r:first" in str(fault.value)
        claim_layout(store, "one", "r:first", first)


def test_folders_beside_one_another_are_nobodys_business() -> None:
    """One prefix may begin another, as long as their folders differ; and one application may change its layout."""
    store = MemoryStore()
    claim_layout(store, "one", "r:events", ONE)
    claim_layout(store, "two", "r:clicks", Layout("raw", HOURLY, "clicks", ".gz"))
    claim_layout(store, "one", "r:events", Layout("raw/events", "%Y/%m/%d/%H", "events", ".zst"))
    claim_layout(store, "one", "r:events", ONE)


@pytest.mark.parametrize("mine_sorts_first", [True, False])
def test_of_two_that_come_at_once_one_goes_on(*, mine_sorts_first: bool) -> None:
    """Each finds no claim, and makes one; then the order of the claims decides, for both and for all time."""
    one, other = sorted(["raw/events/" + HOURLY, "raw/events/dt=2026-%m-%d/hour=%H/%Y"], key=folder_key)
    mine, theirs = (one, other) if mine_sorts_first else (other, one)

    class Racing(MemoryStore):
        def put_new(self, key: str, *rest: object) -> bool:
            if key == folder_key(mine):
                super().put_new(folder_key(theirs), b"other", {}, b"")
            return super().put_new(key, *rest)  # type: ignore[arg-type]

    store = Racing()
    for _ in range(2):
        if mine_sorts_first:
            claim_folders(store, mine, b"me")
        else:
            with pytest.raises(Parked):
                claim_folders(store, mine, b"me")


def former(store: MemoryStore, application: str, stream: str, layout: Layout) -> None:
    """Leave what a former version has written: a claim of the prefix, and a chain's record."""
    claim_prefix(store, layout.prefix, owner_of(application, stream))
    record = ChainRecord(Origin("1", 0, "key", 0, "LATEST"), layout)
    claim(store, record_key(application, layout, "shardId-000000000000"), record)


@pytest.mark.parametrize("stream", ["eu-west-1:events", "arn:aws:kinesis:eu-west-1:1:stream/events"])
def test_claims_of_the_former_version_count(stream: str) -> None:
    """It has claimed a prefix alone: its chains say which folders it writes. And it still reads its own claim."""
    store = MemoryStore()
    former(store, "one", stream, ONE)
    with pytest.raises(Parked, match="belong to one"):
        claim_layout(store, "two", "r:clicks", Layout("raw", f"events/{HOURLY}", "clicks", ".gz"))
    claim_layout(store, "two", "r:clicks", Layout("raw", HOURLY, "clicks", ".gz"))
    claim_layout(store, "one", stream, ONE)
    assert store.get(owner_key("raw/events")) == owner_of("one", stream)


def test_an_upgrade_parks_nobody_whose_folders_are_his_own() -> None:
    """Several applications of one bucket, each with its claim, take up the new ones in any order."""
    store = MemoryStore()
    fleets = [
        ("one", "r:events", ONE),
        ("two", "r:clicks", Layout("raw", HOURLY, "clicks", ".gz")),
        ("three", "r:views", Layout("", "%Y/%m/%d/%H", "views", ".gz")),
        ("four", "r:rows", Layout("staged", HOURLY, "rows", ".gz")),
    ]
    for application, stream, layout in fleets:
        former(store, application, stream, layout)
    for application, stream, layout in fleets[::-1]:
        claim_layout(store, application, stream, layout)


@pytest.mark.parametrize(
    ("one", "other", "parks"),
    [
        ("eu-west-1:events", "eu-west-1:events", False),
        ("eu-west-1:events", "us-east-1:events", True),
        ("eu-west-1:events", "arn:aws:kinesis:eu-west-1:1:stream/events", False),
        ("us-east-1:events", "arn:aws:kinesis:eu-west-1:1:stream/events", True),
        ("arn:aws:kinesis:eu-west-1:2:stream/events", "arn:aws:kinesis:eu-west-1:1:stream/events", True),
    ],
)
def test_the_state_of_one_name_is_of_one_stream(one: str, other: str, *, parks: bool) -> None:
    """Marks, seals and the frontier are kept under the application's and the stream's name; two regions have both."""
    store = MemoryStore()
    claim_name(store, "app", "events", one)
    if not parks:
        claim_name(store, "app", "events", other)
        return
    with pytest.raises(Parked, match="a name of its own"):
        claim_name(store, "app", "events", other)


def test_a_template_is_the_same_however_it_is_split() -> None:
    """Slashes at the ends of a prefix are none."""
    layouts = [ONE, Layout("raw", f"events/{HOURLY}", "s", ""), Layout("/raw/events/", HOURLY, "s", "")]
    assert {template_of(layout) for layout in layouts} == {f"raw/events/{HOURLY}"}


def test_dead_letters_do_not_lie_in_an_archives_folders() -> None:
    """A job that reads an hour of the archive would take them for records."""
    store = MemoryStore()
    settings = LetterSettings(letters_bucket="bucket", letters_prefix="raw")
    claim_layout(store, "one", "r:events", ONE)
    with pytest.raises(Parked, match="belong to one r:events"):
        claim_letters(store, settings, "events", "clicks", "r:clicks")
    claim_letters(store, settings, "clicks", "clicks", "r:clicks")
    with pytest.raises(Parked, match="clicks dead letters"):
        claim_layout(store, "three", "r:views", Layout("raw/clicks", HOURLY, "views", ".gz"))


def test_a_process_of_the_index_claims_before_it_judges() -> None:
    """What it learns of names and beginnings is then its own."""
    asked: list[str] = []

    def refuse() -> None:
        asked.append("claim")
        reason = "another's"
        raise Parked(reason, "look")

    names = IndexNames(MemoryStore(), "app", "events-%Y.%m.%d")
    starts = Starts(MemoryStore(), "app", "events", "shard")
    following = Following(
        names, Suspects(starts, "1:0", lambda _record: None, lambda _condemned: None, Silent()), refuse
    )
    with pytest.raises(Parked):
        following.received([Record(b"{}", "k", "1", 0)], caught_up=True)
    assert asked == ["claim"]
    assert following.received([], caught_up=True) is False


@pytest.mark.parametrize(("other", "ours"), [("staged", True), ("staged/clicks", False), ("staged-2", False)])
def test_the_ledger_of_a_staging_area_holds_none_of_the_areas_below_it(other: str, *, ours: bool) -> None:
    """Their shards have the same names, and their objects would be taken for doubled ones of this area."""
    names = Names("public", "events", "bucket", "staged")
    found = re.fullmatch(r"LEFT\(object, (\d+)\) = '(.+)'", names.ours)
    assert found
    key = Layout(other, HOURLY, "events", ".gz").key("shard", Position(1, 0), 0)
    assert (names.url(key)[: int(found[1])] == found[2]) is ours


def test_what_begins_with_a_streams_name_is_not_all_of_it() -> None:
    """A stream may be called as other state is, or as the beginning of another stream's name."""
    store = MemoryStore()
    layouts = {name: Layout(name, HOURLY, name, ".gz") for name in ("stream", "stream.eu", "index-names")}
    for name, layout in layouts.items():
        former(store, "one", f"r:{name}", layout)
    for other in ("stream.json", "index-names.json", "let-through.json"):
        store.put_new(f"_kinesis-fleet/one/{other}", b"{}", {}, b"")
    for name, layout in layouts.items():
        assert [record.layout for record in records_of(store, "one", name)] == [layout]
