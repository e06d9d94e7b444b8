"""The container's recipe: held to its form by a linter, and of the same mind as the properties."""

import re
import subprocess
from pathlib import Path

from consumers.config.keys import Common
from tests.support.servers import ROOT

RECIPE = ROOT / "Containerfile"
LINTER = ROOT / ".cache" / "node" / "node_modules" / ".bin" / "dockerfile-utils"


def test_it_has_no_fault() -> None:
    """The linter finds none; a fault of our own making it finds."""
    assert lint(RECIPE) == (0, "")


def test_the_linter_sees_faults(tmp_path: Path) -> None:
    """The negative control."""
    bad = tmp_path / "Containerfile"
    bad.write_text(RECIPE.read_text().replace("STOPSIGNAL SIGTERM", "STOPSIGNAL TERMINATE"))
    code, said = lint(bad)
    assert code != 0
    assert said


def test_stop_time_is_the_default_of_the_properties() -> None:
    """A container that is killed earlier loses its drain."""
    found = re.search(r"--stop-timeout (\d+)", RECIPE.read_text())
    assert found
    assert float(found[1]) == Common(consumer="s3_archive").stop_timeout_s


def test_it_runs_as_nobody_special() -> None:
    """The user is a number, so that a runtime can insist on one that is not root."""
    (user,) = re.findall(r"(?m)^USER (\d+)$", RECIPE.read_text())
    assert int(user) > 0
    assert f"--uid {user} " in RECIPE.read_text()


def lint(recipe: Path) -> tuple[int, str]:
    """Run the linter; its code, and what it says."""
    done = subprocess.run(["node", str(LINTER), "lint", str(recipe)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip() + done.stderr.strip()
