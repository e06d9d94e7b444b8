"""Which consumers a demonstration runs: those asked for, or all that fit this machine."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from consumers.commands.demo import command
from consumers.kcl.jars import Unavailable
from consumers.local import sinks
from consumers.local.redshift import cluster
from consumers.local.sinks import SINKS, asked_for, available_bytes, fitting

GIB = 1 << 30
PLENTY = 8 * GIB


@pytest.fixture
def no_jars(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Have no JAR of OpenSearch."""
    monkeypatch.setenv("OPENSEARCH_LIB", str(tmp_path))
    return tmp_path


def names(*, embedded: bool = True, available: int | None = PLENTY) -> tuple[list[str], list[str]]:
    """Give the names of what fits, and what is said of the rest."""
    found, left_out = fitting(embedded=embedded, available_bytes=available)
    return [sink.name for sink in found], left_out


def test_everything_runs_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """With memory and JARs, or where memory cannot be known, nothing is left out."""
    monkeypatch.setattr(type(SINKS["elasticsearch_index"]), "lacks", lambda self: "")
    assert names() == (["s3_archive", "elasticsearch_index", "redshift_stage"], [])
    assert names(available=None) == names()


def test_little_memory_leaves_the_others_out() -> None:
    """The archive runs alone, and a line for each says why and how to try nevertheless."""
    found, [why, table] = names(available=2 * GIB)
    assert found == ["s3_archive"]
    assert why.startswith("elasticsearch_index is left out: 2.0 GiB of memory are available, and it needs 4 GiB")
    assert why.endswith("--sinks s3_archive,elasticsearch_index,redshift_stage")
    assert table.startswith("redshift_stage is left out: ")


def test_an_endpoint_leaves_the_others_out() -> None:
    """Without the embedded AWS there is neither a search server nor a database."""
    found, [why, table] = names(embedded=False)
    assert "only the embedded AWS has the Redshift stand-in beside it" in table
    assert found == ["s3_archive"]
    assert "only the embedded AWS has OpenSearch beside it" in why


def test_missing_jars_leave_the_index_out(no_jars: Path) -> None:
    """One line, however many JARs are missing, with the remedy."""
    found, [why] = names()
    assert found == ["s3_archive", "redshift_stage"]
    assert str(no_jars) in why
    assert "make -B opensearch" in why
    assert "\n" not in why


def test_no_postgresql_leaves_the_table_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line, with the package to install."""
    monkeypatch.setattr(cluster, "FOLDERS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(type(SINKS["elasticsearch_index"]), "lacks", lambda self: "")
    found, [why] = names()
    assert found == ["s3_archive", "elasticsearch_index"]
    assert "apt-get install postgresql" in why


def test_what_is_asked_for_must_run(no_jars: Path) -> None:
    """The archive needs no JAR of OpenSearch; the index, asked for by name, is refused without them."""
    assert [sink.name for sink in asked_for(["s3_archive"])] == ["s3_archive"]
    with pytest.raises(Unavailable, match="elasticsearch_index cannot be run here"):
        asked_for(["s3_archive", "elasticsearch_index"])


def test_a_container_has_its_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is available is no more than the container's limit; without /proc it is unknown."""
    memory, limit = tmp_path / "meminfo", tmp_path / "memory.max"
    monkeypatch.setattr(sinks, "_MEMORY", memory)
    monkeypatch.setattr(sinks, "_MEMORY_LIMIT", limit)
    assert available_bytes() is None
    memory.write_text("MemTotal: 9000 kB\nMemAvailable:    8000 kB\n")
    assert available_bytes() == 8000 * 1024
    limit.write_text("max\n")
    assert available_bytes() == 8000 * 1024
    limit.write_text("4096\n")
    assert available_bytes() == 4096


@pytest.mark.parametrize("value", ["redshift", "s3_archive,nothing", "", ","])
def test_names_that_are_none_are_refused(value: str) -> None:
    """Wrong usage ends with 2, and says which names there are."""
    done = CliRunner().invoke(command, ["--sinks", value])
    assert done.exit_code == 2
    assert "give of s3_archive, elasticsearch_index, redshift_stage, by commas" in " ".join(done.stderr.split())


def test_the_index_is_not_for_an_endpoint() -> None:
    """Asked for by name together with an endpoint, it is refused before anything starts."""
    done = CliRunner().invoke(command, ["--sinks", "elasticsearch_index", "--endpoint", "aws"])
    assert done.exit_code == 2
    assert "elasticsearch_index is not for --endpoint" in done.stderr
