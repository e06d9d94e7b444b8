"""The command lines on the pages exist."""

import re

import click
import pytest

from consumers.cli import COMMANDS, Lazy
from tests.docs.pages import ROOT, Page, name_of, page, pages

PAGES = pages()


def test_make_targets_exist() -> None:
    """Each `make` command of the pages is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {
        found
        for of in PAGES
        for text in (*of.words, *of.blocks("console"))
        for found in re.findall(r"(?:^|\$ )make ([a-z]+)", text, re.MULTILINE)
    }
    assert {"run", "test", "bench"} <= named <= targets


def command_of(name: str) -> click.Command:
    """Give a subcommand."""
    command = Lazy().get_command(click.Context(Lazy()), name)
    assert command is not None
    return command


def options_of(name: str) -> set[str]:
    """Give the options of a subcommand."""
    command = command_of(name)
    nested = list(command.commands.values()) if isinstance(command, click.Group) else []
    options = {option for each in (command, *nested) for parameter in each.params for option in parameter.opts}
    return {option for option in options if option.startswith("--")} | {"--help"}


@pytest.mark.parametrize("of", PAGES, ids=name_of)
def test_commands_and_options_exist(of: Page) -> None:
    """Each `kinesis-fleet` line has a subcommand and options that exist, and so have the ARGS of `make run`."""
    text = "\n".join([*of.words, *of.blocks("console")])
    lines = re.findall(r"kinesis-fleet ([a-z]+(?:-[a-z]+)*)\b([^\n|>]*)", text)
    lines += [("demo", arguments) for arguments in re.findall(r'make run ARGS="([^"]*)"', text)]
    for command, rest in lines:
        assert command in COMMANDS, f"kinesis-fleet {command}"
        assert set(re.findall(r"--[a-z-]+", rest)) <= options_of(command), f"kinesis-fleet {command}{rest}"
        found = command_of(command)
        if isinstance(found, click.Group):
            assert rest.split()[0] in {*found.commands, "--help"} if rest.strip() else True, f"{command}{rest}"


def test_commands_are_listed() -> None:
    """The table of the page on commands has every subcommand."""
    rows = page("docs/commands.md").rows("Subcommands")
    assert {row[0].strip("`").split()[1] for row in rows} == set(COMMANDS)
