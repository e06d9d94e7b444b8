"""The announcement of a server's endpoint."""

from pathlib import Path


def announce(ready_file: Path, endpoint: str) -> None:
    """Write ``endpoint`` to ``ready_file``, which may be a named pipe with a waiting reader."""
    if ready_file.is_fifo():
        ready_file.write_text(f"{endpoint}\n")
        return
    half = ready_file.with_name(f"{ready_file.name}.part")
    half.write_text(f"{endpoint}\n")
    half.replace(ready_file)
