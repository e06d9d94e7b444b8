"""The screen: sparing lines in a log, bars on a terminal, nothing for machines."""

import io

import pytest
from rich.console import Console

from consumers.local.screen import Done, Progress, opened


def shown(*, terminal: bool, machine: bool, steps: int, first: int = 0) -> str:
    """Show some steps of one phase, from so many records put on, and return what was written."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=100)
    with opened(console, machine=machine) as screen:
        screen.say("seed [1]")
        for put in range(first, first + steps):
            screen.show(Progress("putting", 1.0, 100, put, [Done("archived", put // 2), Done("indexed", put)]))
    return written.getvalue()


def test_a_log_gets_a_line_now_and_then() -> None:
    """Many looks within seconds make one line, free of control sequences."""
    text = shown(terminal=False, machine=False, steps=50)
    assert text == "seed [1]\n  1.0s  putting: 0 of 100 put\n"
    text = shown(terminal=False, machine=False, steps=50, first=10)
    assert text == "seed [1]\n  1.0s  putting: 10 of 100 put, 5 archived (lag 5), 10 indexed (lag 0)\n"


def test_a_terminal_gets_bars() -> None:
    """The terminal shows the newest numbers, of how many, and how long the rest takes."""
    text = shown(terminal=True, machine=False, steps=50)
    assert "24, lag 25" in text
    assert "49, lag 0" in text
    assert "49 of 100" in text
    assert "480/s, 0 s to put" in text  # from the first record on, 48 in no time at all
    assert "seed [1]" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_a_machine_gets_nothing(*, terminal: bool) -> None:
    """With --json only the outcome is printed."""
    assert shown(terminal=terminal, machine=True, steps=3) == ""
