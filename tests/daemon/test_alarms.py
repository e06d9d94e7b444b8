"""Each alarm watches a metric that is really written: by the real KCL, by a shard's process, or by a command."""

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import yaml

from tests.daemon.putting import flowing, last_of, play
from tests.daemon.stage import Stage
from tests.support.real_daemon import FLEET, fleet_environment
from tests.support.servers import ROOT

pytestmark = pytest.mark.daemon
TEMPLATES = ROOT / "ansible" / "cloudformation"
RECORDS = 2000


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as what they are given."""


def _short(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else None


_Loader.add_multi_constructor("!", _short)
Metric = tuple[str, str, frozenset[str]]
"""Its namespace, its name, and the names of its dimensions."""


def template(name: str) -> dict[str, Any]:
    """Parse a template."""
    parsed: dict[str, Any] = yaml.load((TEMPLATES / name).read_text(), _Loader)  # noqa: S506 - a safe loader of our own
    return parsed


def watched(application: str) -> Iterator[tuple[str, Metric]]:
    """Give each alarm, with the metric that it watches."""
    for name, resource in template("alarms.yml")["Resources"].items():
        alarm = resource["Properties"]
        for one in [
            alarm,
            *(query["MetricStat"]["Metric"] for query in alarm.get("Metrics", ()) if "MetricStat" in query),
        ]:
            if "MetricName" in one:
                yield name, (one["Namespace"], one["MetricName"], frozenset(each["Name"] for each in one["Dimensions"]))
        for query in alarm.get("Metrics", ()):
            found = re.match(r'SELECT MAX\((\w+)\) FROM SCHEMA\("(.+)", (.+)\)', query.get("Expression", ""))
            if found:
                namespace = found[2].replace("${Application}", application)
                yield name, (namespace, found[1], frozenset(found[3].split(", ")))


def embedded(entries: Iterable[dict[str, Any]]) -> set[Metric]:
    """Read the metrics out of a log."""
    return {
        (directive["Namespace"], metric["Name"], frozenset(directive["Dimensions"][0]))
        for entry in entries
        for directive in entry["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
        if metric["Name"] in entry
    }


def test_each_alarm_has_its_metric(stage: Stage) -> None:
    """What KCL publishes and what the fleet writes holds every metric of every alarm."""
    endpoint = stage.server.endpoint
    file = stage.properties(
        metricsLevel="SUMMARY",
        metricsBufferTimeMillis=1000,
        metricsSeconds=1,
        **{"cloudWatchClient.endpointOverride": endpoint},
    )
    stage.prepare(file)
    with stage.daemon(file) as daemon:
        with flowing(stage, play(RECORDS)) as flow:
            stage.await_committed(last_of(flow.all_put()))
        watch = [*FLEET, "watch", str(file)]
        seen = subprocess.run(
            watch, cwd=ROOT, env=fleet_environment(stage.folder), check=True, capture_output=True, text=True
        )
        daemon.drain()
        said = daemon.lines("metrics")
    published = stage.server.client("cloudwatch").list_metrics(Namespace=stage.name)["Metrics"]
    emitted = embedded([*said, json.loads(seen.stderr)]) | {
        (one["Namespace"], one["MetricName"], frozenset(each["Name"] for each in one["Dimensions"]))
        for one in published
    }
    print(sorted((namespace, name, sorted(dimensions)) for namespace, name, dimensions in emitted))
    assert {name for name, _ in watched(stage.name)} == template("alarms.yml")["Resources"].keys()
    for name, metric in watched(stage.name):
        assert metric in emitted, name


def test_the_lease_table_is_that_of_prepare(stage: Stage) -> None:
    """The template makes the same keys and the same index as `prepare`, so that either may come first."""
    subprocess.run(
        [*FLEET, "prepare", str(stage.properties())], cwd=ROOT, env=fleet_environment(stage.folder), check=True
    )
    made = stage.server.client("dynamodb").describe_table(TableName=stage.name)["Table"]
    wanted = template("tables.yml")["Resources"]["Leases"]["Properties"]
    assert made["KeySchema"] == wanted["KeySchema"]
    (index,) = made["GlobalSecondaryIndexes"]
    (other,) = wanted["GlobalSecondaryIndexes"]
    assert {key: index[key] for key in other} == other
    assert made["AttributeDefinitions"] == wanted["AttributeDefinitions"]
    assert made["BillingModeSummary"]["BillingMode"] == wanted["BillingMode"]
