"""Claims in the bucket of folders and names, so that two configurations do not share a place unawares.

An hour's folder can be declared complete for one stream only. Claims compare what keys begin with, however it is split
between prefix and partition: `raw` with `events/dt=%Y...` are the folders of `raw/events` with `dt=%Y...`.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from consumers.chain.layout import Layout
from consumers.chain.origin import claim_prefix, owner_of, records_of
from consumers.chain.store import STATE_PREFIX, ObjectStore
from consumers.waiting import Parked

_OWNERS = f"{STATE_PREFIX}/owners/"
_FOLDER, _PREFIX = "/folder.txt", "owner.txt"
_DIGITS = {"Y": 4, "m": 2, "d": 2, "H": 2}
_DIGIT = "%"


def template_of(layout: Layout) -> str:
    """Return the template of a layout's folders: its prefix and its partition."""
    return f"{layout.prefix.strip('/')}/{layout.partition}".lstrip("/")


def coincide(one: str, other: str) -> bool:
    """Return whether folders of two templates can be equal, or lie inside each other. Pure; True if in doubt."""
    pairs = zip(_characters(f"{one}/"), _characters(f"{other}/"), strict=False)
    return all(a == b or (_DIGIT in (a, b) and (a + b).replace(_DIGIT, "").isdigit()) for a, b in pairs)


def claim_layout(store: ObjectStore, application: str, stream: str, layout: Layout) -> None:
    """Claim a layout's folders, and the name under which the state of its stream is kept.

    Raises:
        Parked: another application, or another stream, holds one of them.

    """
    owner = owner_of(application, stream)
    claim_prefix(store, layout.prefix, owner)
    claim_name(store, application, layout.stream, stream)
    claim_folders(store, template_of(layout), owner)


def claim_folders(store: ObjectStore, template: str, owner: bytes) -> None:
    """Claim the folders of a template, unless this owner holds them already.

    A later claimant finds the claim, and makes none. Of two that claim at once, both may succeed; then the one whose
    claim sorts first goes on.

    Raises:
        Parked: another owner holds folders that can be the same.

    """
    mine = folder_key(template)
    keys = [entry.key for entry in store.list(_OWNERS)]
    if mine not in keys:
        _insist_on_no_rival(store, (key for key in keys if key.endswith(_FOLDER)), template, owner)
        _insist_on_no_former(store, keys, template, owner)
        store.put_new(mine, owner, {}, hashlib.sha256(owner).digest())
        keys = [*(entry.key for entry in store.list(_OWNERS)), mine]
    _insist_on_no_rival(store, (key for key in keys if key.endswith(_FOLDER) and key <= mine), template, owner)


def folder_key(template: str) -> str:
    """Return the key of the claim of a template's folders."""
    return _OWNERS + re.sub(r"%(.)", r"(\1)", template + _FOLDER).replace("//", "/()/")


def claim_name(store: ObjectStore, application: str, name: str, stream: str) -> None:
    """Claim the state kept under an application's name and a stream's name.

    Streams of one name exist in other regions and accounts.

    Raises:
        Parked: the state belongs to another stream.

    """
    key, owner = f"{STATE_PREFIX}/{application}/streams/{name}.txt", stream.encode()
    standing = store.find(key)
    if standing is None and not store.put_new(key, owner, {}, hashlib.sha256(owner).digest()):
        standing = store.find(key)
    if standing is not None and _differ(standing.body.decode(errors="replace"), stream):
        theirs = standing.body[:300].decode(errors="replace")
        reason = f"what is kept here of application {application} is of {theirs}, not of {stream}, says {key}"
        remedy = f"give the application of each stream a name of its own, or delete {key} if the former one is gone"
        raise Parked(reason, remedy)


def _differ(one: str, other: str) -> bool:
    """Return whether two streams of one name differ. `region:name` may be the stream that an ARN names."""
    regions = [
        stream.split(":")[3] if stream.startswith("arn:") else stream.partition(":")[0] for stream in (one, other)
    ]
    return regions[0] != regions[1] or (one.startswith("arn:") and other.startswith("arn:") and one != other)


def _insist_on_no_rival(store: ObjectStore, keys: Iterable[str], template: str, owner: bytes) -> None:
    for key in dict.fromkeys(keys):
        standing = store.find(key) if coincide(_template_in(key), template) else None
        if standing is not None and standing.body != owner:
            raise _taken(template, standing.body, key)


def _taken(template: str, owner: bytes, key: str) -> Parked:
    reason = f"the folders {template} belong to {owner[:300].decode(errors='replace')}, says {key}"
    return Parked(reason, f"give each application a prefix, or delete {key} if no worker of the former one is left")


def _insist_on_no_former(store: ObjectStore, keys: list[str], template: str, owner: bytes) -> None:
    """Check the claims of a prefix alone, which former versions made.

    The chains of such an owner tell which folders it writes.
    """
    for key in keys:
        prefix = key.removeprefix(_OWNERS).removesuffix(_PREFIX).rstrip("/")
        standing = store.find(key) if key.endswith(_PREFIX) and (not prefix or coincide(prefix, template)) else None
        if standing is None or standing.body == owner:
            continue
        application, _, stream = standing.body.decode(errors="replace").partition(" ")
        record = next(records_of(store, application, re.split("[:/]", stream)[-1]), None)
        if record and any(coincide(template_of(one), template) for one in (record.layout, *record.former)):
            raise _taken(template, standing.body, key)


def _template_in(key: str) -> str:
    return re.sub(r"\((.)\)", r"%\1", key.removeprefix(_OWNERS).replace("/()/", "//")).removesuffix(_FOLDER)


def _characters(template: str) -> Iterator[str]:
    parts = re.split("%(.)", template)
    return chain.from_iterable(part if at % 2 == 0 else _DIGIT * _DIGITS[part] for at, part in enumerate(parts))
