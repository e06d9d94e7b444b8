"""Assembles one shard's process: the pipe, the processor, and the pipeline that its consumer builds."""

from collections.abc import Callable
from typing import Any, BinaryIO

from consumers.config.consumer import ShardContext
from consumers.config.settings import Settings
from consumers.kcl.checkpointer import Commits
from consumers.kcl.here import hold_shard
from consumers.kcl.lines import LineReader
from consumers.kcl.pipe import ShardProcess
from consumers.kcl.processor import ShardProcessor
from consumers.kcl.rivals import WrittenRuns
from consumers.kcl.stopping import SIGN, Alarm, Sign, time_of
from consumers.logs import logger, say_shard
from consumers.parts import Start
from consumers.pipeline import Pipeline
from consumers.registry import CONSUMERS
from consumers.waiting import Patience


def serve(
    settings: Settings,
    source: LineReader,
    sink: BinaryIO,
    clock: Callable[[], float],
    pause: Callable[[float], None],
) -> None:
    """Answer the daemon's messages until it closes the pipe."""
    log = logger()
    consumer = CONSUMERS[settings.consumer]
    build = consumer.build(settings)
    runs = None
    if consumer.state is not None:
        runs = WrittenRuns(consumer.state(settings.section), settings.application, settings.worker, log)

    patience = Patience(pause, clock, log)
    names: list[object] = []  # held until the process ends

    def new_pipeline(shard: str, start: Start) -> Pipeline[Any]:
        say_shard(settings.consumer, shard)
        names.append(hold_shard(settings, shard))
        if runs is not None:
            runs.look()
        pipeline: Pipeline[Any] = build(ShardContext(shard, start, patience, log))
        return pipeline

    sign = Sign(settings.path.with_name(SIGN), time_of(settings.flush_timeout_s, settings.kcl), clock)
    commits = Commits(clock, pause, log, stop=Alarm(sign, clock, lambda: patience.refused_since))
    processor = ShardProcessor(new_pipeline, commits, clock, settings.flush_timeout_s, log)
    ShardProcess(processor, source, sink).run()
