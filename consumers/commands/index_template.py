"""``kinesis-fleet index-template``: installs the mapping of the search index. Nothing else installs it."""

from pathlib import Path

import click
import msgspec

from consumers.config.consumer import NotForThis
from consumers.config.settings import Settings, load
from consumers.elasticsearch_index import ELASTICSEARCH_INDEX, server_of, wanted_template
from consumers.registry import CONSUMERS
from consumers.search.template import NONE, Template, differences, find, install

EPILOG = """\b
Examples:
  kinesis-fleet index-template elasticsearch_index.properties
  kinesis-fleet index-template --print elasticsearch_index.properties
  kinesis-fleet index-template --dry-run elasticsearch_index.properties
  kinesis-fleet index-template --replace elasticsearch_index.properties

\b
A template applies to indices that are created after it. An existing index keeps its mapping.
Exit codes: 0 the template is installed as configured; 1 another template is installed, or none (--dry-run); 2 wrong
usage; 69 the server refuses; 78 the configuration has faults.
"""


class State(msgspec.Struct, rename="camel"):
    """The output of ``--json``: `state` is present, installed, replaced, absent or different."""

    name: str
    state: str
    differences: list[str]

    @property
    def good(self) -> bool:
        """Whether the template is installed as configured."""
        return self.state in {"present", "installed", "replaced"}


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--print", "only_print", is_flag=True, help="Print the template, without a request to the server.")
@click.option("--dry-run", is_flag=True, help="Compare with the installed template; change nothing.")
@click.option("--replace", is_flag=True, help="Replace an installed template that differs.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def command(file: Path, *, only_print: bool, dry_run: bool, replace: bool, as_json: bool) -> None:
    """Install the index template of FILE, unless a different one has its name."""
    settings = load(file, CONSUMERS)
    template = _template(settings)
    if only_print:
        click.echo(f"PUT _index_template/{template.name}", err=True)
        click.echo(msgspec.json.format(msgspec.json.encode(template.body)))
        return
    state = _bring_about(settings, template, dry_run=dry_run, replace=replace)
    click.echo(msgspec.json.encode(state) if as_json else _words(state))
    raise SystemExit(0 if state.good else 1)


def _template(settings: Settings) -> Template:
    if settings.consumer != ELASTICSEARCH_INDEX.name:
        message = (
            f"{settings.path} is of {settings.consumer}, which has no index. Give the file of elasticsearch_index."
        )
        raise NotForThis(message)
    if settings.section.template == NONE:
        message = f"{settings.path} has index.template = none: the template is yours. Give epas or a file to have one."
        raise NotForThis(message)
    return wanted_template(settings.section)


def _bring_about(settings: Settings, template: Template, *, dry_run: bool, replace: bool) -> State:
    server = server_of(settings.section)
    standing = find(server, template.name)
    found = [] if standing is None else differences(template.body, standing)
    if standing is not None and not found:
        return State(template.name, "present", [])
    if dry_run or (standing is not None and not replace):
        return State(template.name, "absent" if standing is None else "different", found)
    install(server, template)
    return State(template.name, "installed" if standing is None else "replaced", found)


def _words(state: State) -> str:
    lines = [f"index template {state.name}: {state.state}", *(f"  {difference}" for difference in state.differences)]
    if state.state == "different":
        lines.append("Nothing was changed. Remedy: correct index.template, or give --replace.")
    return "\n".join(lines)
