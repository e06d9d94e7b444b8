"""The daemon's pipe, decoded in one pass, behind the real kclpy process and its checkpointer.

kclpy answers `status` even for a callback that raised, and the next checkpoint then commits past the lost batch.
Here an exception ends the process instead: no `status` is written, and the daemon delivers again.
Protocol: package `software.amazon.kinesis.multilang` of the Kinesis Client Library.
"""

import json
from typing import BinaryIO, Protocol

import msgspec
from amazon_kclpy import kcl, messages

from consumers import alive
from consumers.kcl.lines import LineReader
from consumers.records import Record


class Processor(Protocol):
    """What happens to each message of one shard."""

    def initialize(self, shard: str, sequence_number: str, sub_sequence_number: int) -> None:
        """The shard is ours; records come from this position on."""

    def process_records(self, records: list[Record], millis_behind_latest: int | None, to: "kcl.Checkpointer") -> None:
        """Records were delivered, or none."""

    def lease_lost(self) -> None:
        """The shard is somebody else's."""

    def shard_ended(self, to: "kcl.Checkpointer") -> None:
        """The shard was split or merged, and everything of it was delivered."""

    def shutdown_requested(self, to: "kcl.Checkpointer") -> None:
        """The daemon is about to stop."""


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
    """kclpy writes text; the pipe takes bytes."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def write(self, text: str) -> None:
        self._raw.write(text.encode())

    def flush(self) -> None:
        self._raw.flush()


class _Pipe(kcl._IOHandler):  # type: ignore[misc]  # noqa: SLF001 - kclpy offers no other way in; a contract test watches it
    """kclpy's reader and writer, with the slow half replaced."""

    def __init__(self, source: LineReader, sink: BinaryIO) -> None:
        super().__init__(source, _TextOut(sink), None)
        self._decoder = msgspec.json.Decoder(_Any)

    def load_action(self, line: memoryview) -> object:
        """Decode one line; the error of a line that cannot be decoded holds no data of it."""
        if not line:  # the daemon died instead of answering a checkpoint
            raise SystemExit(0)
        message = self._decoder.decode(line)
        if isinstance(message, _Checkpoint):
            answer = {
                "action": "checkpoint",
                "sequenceNumber": message.sequence_number,
                "subSequenceNumber": message.sub_sequence_number,
                "error": message.error,
            }
            return messages.CheckpointInput(answer)
        return message

    def write_action(self, response: dict[str, object]) -> None:
        """Write one line of the protocol."""
        self.write_line(json.dumps(response))


class ShardProcess(kcl.KCLProcess):  # type: ignore[misc]
    """kclpy's process for one shard, failing closed."""

    def __init__(self, processor: Processor, source: LineReader, sink: BinaryIO) -> None:
        """Speak the protocol over a pipe and a byte stream."""
        self.io_handler = _Pipe(source, sink)
        self.checkpointer = kcl.Checkpointer(self.io_handler)
        self.processor = processor

    def _perform_action(self, action: _Message) -> None:
        with alive.busy():
            action.dispatch(self.checkpointer, self.processor)
