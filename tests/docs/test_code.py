"""The code that the pages show is right by its types."""

import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, name_of, pages

# Airflow is none of our packages, and what is meant for everybody need not name its types.
LENIENT = (
    "--disable-error-code=import-not-found",
    "--allow-untyped-defs",
    "--allow-incomplete-defs",
    "--allow-any-generics",
    "--no-warn-return-any",
    "--check-untyped-defs",
)


def test_python_on_the_pages_has_right_types(tmp_path: Path) -> None:
    """Whatever a block's types say is checked: a part that a protocol asks for, and the block lacks, is found."""
    blocks = {}
    for of in pages():
        for number, source in enumerate(of.blocks("python")):
            file = tmp_path / f"{name_of(of).replace('/', '_').removesuffix('.md').replace('-', '_')}_{number}.py"
            file.write_text(source)
            blocks[name_of(of)] = file
    assert "docs/new-consumer.md" in blocks
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *LENIENT, *sorted(tmp_path.glob("*.py"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout
