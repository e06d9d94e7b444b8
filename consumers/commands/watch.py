"""``kinesis-fleet watch``: whether each shard is read by somebody, and whether this host is to blame."""

import time
from pathlib import Path
from typing import Any

import click

from consumers.config.settings import Settings, load
from consumers.kcl.aws import clients, refusals
from consumers.kcl.holding import Held, held
from consumers.kcl.watching import blame, end_hand_over, leader, unheld
from consumers.logs import configure, logger, write_metrics
from consumers.metrics import document
from consumers.registry import CONSUMERS

EPILOG = """\b
Examples:
  kinesis-fleet watch s3_archive.properties
  kinesis-fleet watch --for 20 s3_archive.properties

\b
It ends as soon as it has seen each lease renewed, mostly within seconds. A dead host's shards are without an owner for
some seconds, and for about two minutes where it led: that is not an alarm, so it looks on for --for seconds.
A hand-over between two hosts that lasts as long is ended: KCL can wait for a dead host for ever.
Under systemd, kinesis-watch@CONSUMER.timer runs it each minute, and 75 starts the daemon of this host again.
Exit codes: 0 each open shard is read by somebody; 1 one is not, and this host cannot help it; 75 one is not, and this
host's daemon should be started again; 2 wrong usage; 69 AWS refuses; 78 the configuration has faults.
"""

_RESTART = 75
_LOOK_S = 2.0


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--for",
    "bound",
    type=click.FloatRange(min=1),
    default=240.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a lease may stay without a renewal.",
)
def command(file: Path, bound: float) -> None:
    """See whether somebody renews each lease of FILE's application, and say so as a line of the log."""
    settings = load(file, CONSUMERS)
    configure(settings.log_level)
    with refusals(settings):
        _, dynamodb = clients(settings)
        leases, idle = _looked(settings, dynamodb, bound)
        given = [one for one in idle if one.giver]
        for one in given:
            end_hand_over(settings, dynamodb, one)
        left = [one for one in idle if not one.giver]
        why = blame(leases, left, settings.worker, leader(settings, dynamodb) if left else "", settings.jvm.shards)
    if settings.metrics_s:
        write_metrics(document(settings.application, int(time.time() * 1000), UnheldShards=len(idle)))
    if not idle:
        return
    shards = [one.shard for one in idle]
    reason = why or f"nobody has renewed its lease for {bound:.0f} s"
    remedy = "start daemons, or raise jvm.shards where the others have no room; look at what the other hosts log"
    if why:
        remedy = "nothing: this host's daemon is started again"
    elif not left:
        reason = f"{given[0].giver} hands it over to {given[0].owner} for {bound:.0f} s, and does not end it"
        remedy = "nothing: the hand-over was ended, and its owner reads on"
    logger().error("unheld", consumer=settings.consumer, shards=shards, reason=reason, remedy=remedy)
    raise SystemExit(_RESTART if why else 1)


def _looked(settings: Settings, dynamodb: Any, bound: float) -> tuple[list[Held], list[Held]]:  # noqa: ANN401 - boto3
    until = time.monotonic() + bound
    before = {one.shard: one for one in held(settings, None, dynamodb)}
    while True:
        time.sleep(_LOOK_S)  # a renewal is nothing that can be waited for
        leases = held(settings, None, dynamodb)
        idle = unheld(leases, before)
        if not idle or time.monotonic() >= until:
            return leases, idle
