"""The check of an operator's file: it returns the file's values, or all its faults."""

import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec

from consumers.config import properties, rules
from consumers.config.consumer import Consumer
from consumers.config.faults import Fault, Faults
from consumers.config.kcl_keys import KCL_KEYS, REFUSED
from consumers.config.keys import COMMON_KEYS, Common, nearest
from consumers.config.properties import Entry
from consumers.config.registered import sections_of
from consumers.config.section import convert, readable, unknown
from consumers.config.words import COMMENT, COMMENT_REMEDY, holds_comment
from consumers.kcl import heap

Entries = Mapping[str, Entry]


def values(
    text: str,
    path: Path,
    consumers: Mapping[str, Consumer],
    environment: Mapping[str, str],
) -> dict[str, str]:
    """Return all keys with their values, with defaults filled in and references resolved.

    An empty value counts as none.

    Raises:
        Faults: everything that is wrong, in the order of the lines.
    """
    entries, faults = _entries(text, environment)
    secrets = [fault for entry in entries.values() if (fault := rules.secret(entry))]
    for fault in secrets:
        del entries[fault.key]
    faults += secrets
    faults += rules.environment(environment)
    common = _common(entries, faults)
    consumer = _consumer(entries, consumers, faults)
    for judged in [consumer] if consumer else _present(entries, consumers):
        faults += _section(entries, judged, faults)
    if consumer is not None:
        faults += _foreign(entries, consumer, consumers)
    faults += _kcl(entries, consumers)
    wrong = {fault.key for fault in faults}
    complete = _complete({key: e for key, e in entries.items() if key not in wrong}, common, environment)
    found = [fault for rule in rules.RULES for fault in rule(complete, common)]
    faults += [_placed(fault, entries) for fault in found if fault.key not in wrong]
    if faults:
        raise Faults(path, [fault for fault in faults if not _told(fault, faults)])
    return complete


def _told(fault: Fault, faults: list[Fault]) -> bool:
    """Return whether a key counts as missing only because another fault removed it, or names its misspelling."""
    if fault.line:
        return False
    written = f"Write {fault.key}"
    return any(other.line and (other.key == fault.key or other.remedy == written) for other in faults)


def _entries(text: str, environment: Mapping[str, str]) -> tuple[dict[str, Entry], list[Fault]]:
    parsed, faults = properties.parse(text)
    entries: dict[str, Entry] = {}
    for raw in parsed:
        entry, unresolved = properties.expand(raw, environment)
        faults += unresolved
        if unclear := properties.unseen(entry) or properties.quoted(entry):
            faults.append(unclear)
            continue
        name = properties.canonical(entry.key)
        if name in entries:
            faults.append(properties.duplicate(entry, entries[name]))
        elif entry.value and not unresolved:
            entries[name] = replace(entry, key=name)
    return entries, faults


def _common(entries: Entries, faults: list[Fault]) -> Common:
    given = {key: entry for key, entry in entries.items() if key in COMMON_KEYS}
    common, found = convert(Common, "", given)
    faults += found
    if common is not None:
        return common
    # The rules continue with what can be read, so that their faults are listed too.
    wrong = {fault.key for fault in found}
    readable = {key: entry.value for key, entry in given.items() if key not in wrong}
    return msgspec.convert({"consumer": "unknown", **readable}, Common, strict=False)


def _consumer(
    entries: Entries,
    consumers: Mapping[str, Consumer],
    faults: list[Fault],
) -> Consumer | None:
    entry = entries.get("consumer")
    named = f"Write one of {', '.join(sorted(consumers))}"
    if entry is None:
        faults[:] = [replace(fault, remedy=named) if fault.key == "consumer" else fault for fault in faults]
        return None
    if holds_comment(entry.value):
        faults.append(Fault("consumer", COMMENT, COMMENT_REMEDY, entry.line))
    elif entry.value not in consumers:
        guess = nearest(entry.value, consumers)
        remedy = f"Write {guess}" if guess else named
        faults.append(Fault("consumer", f"{entry.value!r} is no consumer", remedy, entry.line))
    return consumers.get(entry.value)


def _present(entries: Entries, consumers: Mapping[str, Consumer]) -> list[Consumer]:
    """List the consumers that the file has keys of, for a file that does not name its consumer."""
    given = {key.partition(".")[0] for key in entries if "." in key}
    return _installed(consumers, (name for name, section in sections_of(consumers).items() if section in given))


def _installed(consumers: Mapping[str, Consumer], names: Iterable[str]) -> list[Consumer]:
    """Import these consumers. One that cannot be imported, for whatever reason, is left out."""
    found = []
    for name in names:
        with suppress(Exception):
            found.append(consumers[name])
    return found


def _section(entries: Entries, consumer: Consumer, before: list[Fault]) -> list[Fault]:
    prefix = f"{consumer.section}."
    given = {key: entry for key, entry in entries.items() if key.startswith(prefix)}
    section, faults = convert(consumer.settings, prefix, given)
    if section is None:
        section = readable(consumer.settings, prefix, given, {fault.key for fault in faults})
    lost = _lost([*before, *faults], prefix)
    for key, message in consumer.faults(section):
        if lost and re.search(rf"\b({lost})\b", message):
            continue  # the fault is about a key with another fault, and may go away with it
        name = key if key.startswith(prefix) else prefix + key
        problem, _, remedy = message.partition(". ")
        remedy = remedy.rstrip(".") or "Correct it"
        faults.append(_placed(Fault(name, problem.rstrip("."), remedy), entries))
    return faults


def _lost(faults: list[Fault], prefix: str) -> str:
    """Return a pattern of the section's fields whose values are unknown: wrong, not set, or misspelt."""
    names = {name for fault in faults for name in (fault.key, fault.remedy.removeprefix("Write "))}
    return "|".join(re.escape(name.removeprefix(prefix)) for name in sorted(names) if name.startswith(prefix))


def _foreign(
    entries: Entries,
    consumer: Consumer,
    consumers: Mapping[str, Consumer],
) -> Iterator[Fault]:
    sections = {section: name for name, section in sections_of(consumers).items()}
    for key, entry in entries.items():
        section = key.partition(".")[0]
        if section in sections and section != consumer.section:
            problem = f"belongs to the consumer {sections[section]}, this file is for {consumer.name}"
            yield Fault(key, problem, "Move it to that consumer's own file", entry.line)


def _kcl(entries: Entries, consumers: Mapping[str, Consumer]) -> Iterator[Fault]:
    sections = set(sections_of(consumers).values())
    for key, entry in entries.items():
        if key in COMMON_KEYS or key.partition(".")[0] in sections:
            continue
        if key in REFUSED:
            problem, remedy = REFUSED[key]
            yield Fault(key, problem, remedy, entry.line)
        elif key not in KCL_KEYS:
            yield unknown(entry, _known(consumers))
        elif holds_comment(entry.value) and not KCL_KEYS[key].free:
            yield Fault(key, COMMENT, COMMENT_REMEDY, entry.line)
        elif wrong := KCL_KEYS[key].problem(entry.value):
            yield Fault(key, wrong, KCL_KEYS[key].remedy, entry.line)


def _known(consumers: Mapping[str, Consumer]) -> dict[str, None]:
    """Return the keys that a wrong key may have meant."""
    own = (
        f"{consumer.section}.{field.encode_name}"
        for consumer in _installed(consumers, consumers)
        for field in msgspec.structs.fields(consumer.settings)
    )
    return dict.fromkeys((*KCL_KEYS, *COMMON_KEYS, *own))


def _complete(entries: Entries, common: Common, environment: Mapping[str, str]) -> dict[str, str]:
    tamed = {key.name: key.tamed for key in KCL_KEYS.values() if key.tamed is not None}
    if "initialPositionInStreamExtended" in entries:
        del tamed["initialPositionInStream"]
    tamed["workerId"] = f"{socket.gethostname()}-{common.consumer}"
    tamed["maxLeasesForWorker"] = str(common.jvm_shards)
    if region := _region(entries, environment):
        tamed["regionName"] = region
    complete = tamed | {key: entry.value for key, entry in entries.items()}
    if not common.jvm_heap_mib:
        max_records = int(complete["maxRecords"])
        complete["jvm.heapMiB"] = str(heap.needed_mib(common.jvm_shards, max_records))
    return complete


def _region(entries: Entries, environment: Mapping[str, str]) -> str:
    """Return the stream's region. It is written into the file for KCL, so that Java and Python use the same."""
    if "streamArn" in entries:
        return next(iter(entries["streamArn"].value.split(":")[3:]), "")
    return next((environment[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if environment.get(name)), "")


def _placed(fault: Fault, entries: Entries) -> Fault:
    entry = entries.get(fault.key)
    return replace(fault, line=entry.line) if entry else fault
