"""Decodes the daemon's pipe in one pass, behind the real kclpy process and its checkpointer.

kclpy answers `status` even for a callback that raised, and the next checkpoint then commits past the lost batch. Here
an exception ends the process instead: no `status` is written, and the daemon delivers again. Protocol: package
`software.amazon.kinesis.multilang` of the Kinesis Client Library.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO, Protocol

import msgspec
from amazon_kclpy import kcl, messages

from consumers import alive, envelope
from consumers.envelope import Unreadable
from consumers.kcl.cutting import Uncut, elements, members
from consumers.kcl.lines import LineReader
from consumers.records import Record
from consumers.undecodable import UNDECODABLE, said


class Processor(Protocol):
    """The handler of one shard's messages."""

    def initialize(self, shard: str, sequence_number: str, sub_sequence_number: int) -> None:
        """Take over the shard, whose records come from this position on."""

    def process_records(
        self,
        records: list[Record],
        millis_behind_latest: int | None,
        to: "kcl.Checkpointer",
        unreadable: Sequence[Unreadable] = (),
    ) -> None:
        """Process a delivery of records, which may be empty, and of elements that are no records."""

    def lease_lost(self) -> None:
        """Stop: another worker holds the lease."""

    def shard_ended(self, to: "kcl.Checkpointer") -> None:
        """Finish the shard, which was split or merged and is delivered to its end."""

    def shutdown_requested(self, to: "kcl.Checkpointer") -> None:
        """Finish the work: the daemon is about to stop."""


class NotUnderstood(Exception):
    """A line is no message of the protocol, or lacks a required field. The message holds no data."""


class _Message(msgspec.Struct, tag_field="action", rename="camel"):
    @property
    def action(self) -> str:
        return str(self.__struct_config__.tag)

    def dispatch(self, checkpointer: "kcl.Checkpointer", processor: Processor) -> None:
        raise NotImplementedError


class _Initialize(_Message, tag="initialize"):
    shard_id: str
    sequence_number: str | None = None
    sub_sequence_number: int | None = 0

    def dispatch(self, _checkpointer: "kcl.Checkpointer", processor: Processor) -> None:
        processor.initialize(self.shard_id, self.sequence_number or "", self.sub_sequence_number or 0)


class _ProcessRecords(_Message, tag="processRecords"):
    records: list[Record]
    millis_behind_latest: int | None = None

    def dispatch(self, checkpointer: "kcl.Checkpointer", processor: Processor) -> None:
        processor.process_records(self.records, self.millis_behind_latest, checkpointer)


class _Elements(_Message, tag="processRecords"):
    """A delivery of which at least one element is not a record at first sight."""

    records: list[msgspec.Raw] | None = None
    millis_behind_latest: msgspec.Raw = msgspec.Raw()

    def dispatch(self, checkpointer: "kcl.Checkpointer", processor: Processor) -> None:
        behind_ms = None
        with suppress(*UNDECODABLE):
            behind_ms = msgspec.json.decode(self.millis_behind_latest, type=int | None)
        if self.records is None:  # nothing was read, so it is unknown what waits
            behind_ms = None
        delivery = envelope.read(self.records or ())
        processor.process_records(delivery.records, behind_ms, checkpointer, delivery.unreadable)


class _LeaseLost(_Message, tag="leaseLost"):
    def dispatch(self, _checkpointer: "kcl.Checkpointer", processor: Processor) -> None:
        processor.lease_lost()


class _ShardEnded(_Message, tag="shardEnded"):
    def dispatch(self, checkpointer: "kcl.Checkpointer", processor: Processor) -> None:
        processor.shard_ended(checkpointer)


class _ShutdownRequested(_Message, tag="shutdownRequested"):
    def dispatch(self, checkpointer: "kcl.Checkpointer", processor: Processor) -> None:
        processor.shutdown_requested(checkpointer)


class _Checkpoint(_Message, tag="checkpoint"):
    sequence_number: str | None = None
    sub_sequence_number: int | None = None
    error: str | None = None


_Any = _Initialize | _ProcessRecords | _LeaseLost | _ShardEnded | _ShutdownRequested | _Checkpoint


class _TextOut:
    """Encodes text: kclpy writes text, and the pipe takes bytes."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def write(self, text: str) -> None:
        self._raw.write(text.encode())

    def flush(self) -> None:
        self._raw.flush()


class _Pipe(kcl._IOHandler):  # type: ignore[misc]  # noqa: SLF001 - kclpy offers no other way in; a contract test watches it
    """The reader and writer of kclpy, with faster decoding."""

    def __init__(self, source: LineReader, sink: BinaryIO) -> None:
        super().__init__(source, _TextOut(sink), None)
        self._decoder = msgspec.json.Decoder(_Any)
        self._asked: tuple[object, object] = (None, None)

    def load_action(self, line: memoryview) -> object:
        """Decode one line.

        Raises:
            NotUnderstood: it is no message of the protocol.

        """
        if not line:  # the daemon died instead of answering a checkpoint
            raise SystemExit(0)
        try:
            message = self._decoder.decode(line)
        except UNDECODABLE as fault:
            delivery = _by_elements(bytes(line))
            if delivery is None:
                raise _not_understood(line, fault) from None
            return delivery
        if isinstance(message, _ProcessRecords) and not envelope.numbered(message.records):
            return _decode_elements(line)
        if isinstance(message, _Checkpoint):
            answer = {
                "action": "checkpoint",
                "sequenceNumber": message.sequence_number,
                "subSequenceNumber": message.sub_sequence_number,
                "error": self._out_of_step(message) if message.error is None else message.error,
            }
            return messages.CheckpointInput(answer)
        return message

    def write_action(self, response: dict[str, object]) -> None:
        """Write one line of the protocol."""
        self._asked = response.get("sequenceNumber"), response.get("subSequenceNumber")
        self.write_line(json.dumps(response))

    def _out_of_step(self, answer: _Checkpoint) -> str | None:
        """Return the error for an answer about another position. The daemon repeats the position asked for."""
        answered = answer.sequence_number, answer.sub_sequence_number
        return None if answered == self._asked or self._asked[0] is None else "InvalidStateException"


_decode_elements = msgspec.json.Decoder(_Elements).decode


def _by_elements(line: bytes) -> _Elements | None:
    """Decode a delivery element by element, and split it by brackets if one is not JSON.

    Return None if it is no delivery.
    """
    try:
        return _decode_elements(line)
    except msgspec.ValidationError:
        return None
    except UNDECODABLE:
        pass
    with suppress(Uncut):
        parts = members(line)
        if parts.get("action") == b'"processRecords"' and "records" in parts:
            behind = parts.get("millisBehindLatest", b"null")
            return _Elements([msgspec.Raw(one) for one in elements(parts["records"])], msgspec.Raw(behind))
    return None


def _not_understood(line: memoryview, fault: Exception) -> NotUnderstood:
    why = said(fault)
    if "$.action" in why:  # the decoder's message would quote the action
        why = "its action is none of those known"
    elif "$.records[" in why:  # a fault of an element alone does not come here
        why = "it is no whole JSON"
    return NotUnderstood(f"a line of {len(line)} bytes from the daemon is no message of the protocol: {why}")


class ShardProcess(kcl.KCLProcess):  # type: ignore[misc]
    """The process of kclpy for one shard, failing closed."""

    def __init__(self, processor: Processor, source: LineReader, sink: BinaryIO) -> None:
        """Connect the processor with the pipe."""
        self.io_handler = _Pipe(source, sink)
        self.checkpointer = kcl.Checkpointer(self.io_handler)
        self.processor = processor

    def _perform_action(self, action: _Message) -> None:
        with alive.busy():
            action.dispatch(self.checkpointer, self.processor)
