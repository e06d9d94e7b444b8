"""``kinesis-fleet watch``: checks that each shard is read, and whether a restart of this host's daemon helps."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from consumers.config.settings import Settings, load
from consumers.kcl.aws import clients, refusals
from consumers.kcl.here import unread_here
from consumers.kcl.holding import Held, held
from consumers.kcl.known import MadeAnew
from consumers.kcl.pulse import Pulse
from consumers.kcl.standing import NONE_AT_ALL
from consumers.kcl.stream_proof import prove
from consumers.kcl.unleased import Unleased, unleased
from consumers.kcl.watching import blame, end_hand_over, leader, unheld
from consumers.logs import configure, logger, write_metrics
from consumers.metrics import document
from consumers.registry import CONSUMERS
from consumers.stream import NoStream, listed, request_of, shards_of
from consumers.waiting import Unavailable as Unproven

EPILOG = """\b
Examples:
  kinesis-fleet watch s3_archive.properties
  kinesis-fleet watch --for 20 s3_archive.properties

\b
The command ends, usually within seconds, as soon as each lease was renewed by its owner, each shard that is due has a
lease, and each lease of this host's daemon has a process. The shards of a dead host have no owner for some seconds,
or for about two minutes if it was KCL's leader. That is no alarm: the command waits for up to --for seconds.
A hand-over between two hosts that lasts as long is ended, because KCL can wait forever for a host that died.
Under systemd, kinesis-watch@CONSUMER.timer runs the command every minute, and restarts this host's daemon on 75.
Exit codes: 0 each open shard is read; 1 a shard is not read and this host cannot help, or the stream is gone or was
created again; 75 a shard is not read and this host's daemon should be restarted; 2 wrong usage; 69 AWS refuses;
78 the configuration has faults.
"""

_RESTART = 75
_LOOK_S = 2.0
_IDLE_REMEDY = "start daemons, or raise jvm.shards where the others have no room; look at what the other hosts log"
# A restart would reset KCL's count to three.
_BARE_REMEDY = (
    "nothing for seven minutes: KCL's leader looks every two, and makes them at the third time; "
    "then look at what the host that leads logs, and whether a host runs at all"
)


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--for",
    "bound",
    type=click.FloatRange(min=1),
    default=240.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a lease may go without a renewal.",
)
def command(file: Path, bound: float) -> None:
    """Check that each lease of FILE's application is renewed, and log those that are not."""
    settings = load(file, CONSUMERS)
    configure(settings.log_level)
    _insist_on_stream(settings)
    with refusals(settings):
        kinesis, dynamodb = clients(settings)
        seen = _looked(settings, kinesis, dynamodb, bound)
        given = [one for one in seen.idle if one.giver]
        for one in given:
            end_hand_over(settings, dynamodb, one)
        left = [one for one in seen.idle if not one.giver]
        leads = leader(settings, dynamodb) if left else ""
    why = blame(seen.leases, left, settings.worker, leads, settings.jvm.shards)
    if seen.unread:
        why = f"this host's daemon holds {seen.unread[0].shard}, and no process of it reads that shard"
    if settings.metrics_s:
        write_metrics(document(settings.application, int(time.time() * 1000), UnheldShards=len(seen.shards)))
    for one in seen.odd:
        _say(settings, [one.shard], one.problem, "what the reason says")
    if seen.bare:
        reason = f"{seen.bare[0].why}, for {bound:.0f} s"
        _say(settings, [one.shard for one in seen.bare], reason, _BARE_REMEDY if seen.leases else NONE_AT_ALL)
    if seen.idle or seen.unread:
        reason = why or f"nobody has renewed its lease for {bound:.0f} s"
        remedy = "nothing: this host's daemon is started again" if why else _IDLE_REMEDY
        if not why and not left:
            reason = f"{given[0].giver} hands it over to {given[0].owner} for {bound:.0f} s, and does not end it"
            remedy = "nothing: the hand-over was ended, and its owner reads on"
        _say(settings, [one.shard for one in (*seen.idle, *seen.unread)], reason, remedy)
    raise SystemExit(_RESTART if why else int(bool(seen.shards)))


def _insist_on_stream(settings: Settings) -> None:
    """Log and exit with 1 if the stream is gone, or was deleted and created again: then no daemon can read it."""
    consumer = CONSUMERS[settings.consumer]
    try:
        prove(settings, shards_of(settings), consumer.state(settings.section) if consumer.state else None)
    except (NoStream, MadeAnew) as fault:
        reason, _, remedy = str(fault).partition(". Remedy: ")
        logger().error("stream_lost", consumer=settings.consumer, reason=reason, remedy=remedy)
        raise SystemExit(1) from fault
    except Unproven:  # a later step that needs this service reports it
        return


def _say(settings: Settings, shards: list[str], reason: str, remedy: str) -> None:
    logger().error("unheld", consumer=settings.consumer, shards=shards, reason=reason, remedy=remedy)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The state at the last look: all leases, idle leases, shards without a lease, and leases not read on this host."""

    leases: list[Held]
    idle: list[Held]
    bare: list[Unleased]
    unread: list[Held]

    @property
    def odd(self) -> list[Held]:
        """The leases that KCL cannot use."""
        return [one for one in self.leases if one.problem]

    @property
    def shards(self) -> set[str]:
        """All shards that are not read."""
        held = (*self.idle, *self.odd, *self.unread)
        return {*(one.shard for one in held), *(one.shard for one in self.bare)}


def _looked(settings: Settings, kinesis: Any, dynamodb: Any, bound_s: float) -> _Seen:  # noqa: ANN401 - boto3
    began, pulse = time.monotonic(), Pulse()
    first = held(settings, dynamodb)
    pulse.look(first, began)
    givers = {one.shard: one.giver for one in first}
    unread = unread_here(settings, first)
    while True:
        time.sleep(_LOOK_S)  # a renewal sends no notification
        leases = held(settings, dynamodb)  # before the shards: a shard that is new has no lease yet
        checkpoints = {one.shard: one.checkpoint for one in leases}
        bare = [one for one in unleased(listed(kinesis, request_of(settings)), checkpoints) if not one.after]
        now = time.monotonic()
        pulse.look(leases, now)
        idle = unheld(leases, pulse, began, givers)
        still = {one.shard for one in unread}
        unread = [one for one in unread_here(settings, leases) if one.shard in still]
        if not (idle or bare or unread) or now >= began + bound_s:
            return _Seen(leases, idle, bare, unread)
