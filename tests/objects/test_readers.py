"""Programs that know nothing of the fleet read its objects, each as docs/readers.md says of it.

Those that a machine has are run; of the others the test says that they are not there.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from consumers.objects.codecs import CODECS
from consumers.objects.writer import ObjectWriter
from consumers.records import Record
from tests.docs.pages import page
from tests.objects.test_index import demo_records

SMALL, LARGE = 300, 9_000  # with an index in gzip's header, and with one beside
JAVA = """
import java.nio.file.*;
class Gunzip {
    public static void main(String[] paths) throws Exception {
        for (String path : paths)
            try (var in = new java.util.zip.GZIPInputStream(Files.newInputStream(Path.of(path)))) {
                in.transferTo(System.out);
            }
        System.out.flush();
    }
}
"""
GO = """
package main

import ("compress/gzip"; "io"; "os")

func main() {
	for _, path := range os.Args[1:] {
		file, _ := os.Open(path)
		reader, err := gzip.NewReader(file)
		if err != nil { panic(err) }
		reader.Multistream(false)
		if _, err = io.Copy(os.Stdout, reader); err != nil { panic(err) }
	}
}
"""
NODE = "const paths = process.argv.slice(1), {readFileSync} = require('fs'); "
NODE_ZLIB = NODE + "for (const path of paths) process.stdout.write(require('zlib').gunzipSync(readFileSync(path)))"
NODE_STREAM = NODE + (
    "(async () => { for (const path of paths) process.stdout.write(Buffer.from(await new Response("
    "new Blob([readFileSync(path)]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer())) })()"
)
PERL = 'gunzip($_ => "-") or die $GunzipError for @ARGV'
PYTHON = "import sys, {0}\nfor path in sys.argv[1:]: sys.stdout.buffer.write({1})"
ONE_MEMBER = "zlib.decompressobj(31).decompress(open(path, 'rb').read())"


@dataclass(frozen=True)
class Reader:
    """A program, named as the page names it. `{java}` and `{go}` are files of source."""

    name: str
    codec: str
    command: tuple[str, ...]


READERS = (
    Reader("GNU gzip", "gzip", ("gzip", "-dc")),
    Reader("pigz", "gzip", ("pigz", "-dc")),
    Reader("BusyBox", "gzip", ("busybox", "zcat")),
    Reader("bsdcat", "gzip", ("bsdcat",)),
    Reader("Perl", "gzip", ("perl", "-MIO::Uncompress::Gunzip=:all", "-e", PERL)),
    Reader("Node.js", "gzip", ("node", "-e", NODE_ZLIB)),
    Reader("DecompressionStream", "gzip", ("node", "-e", NODE_STREAM)),
    Reader("Java", "gzip", ("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "{java}")),
    Reader("Go", "gzip", ("go", "run", "{go}")),
    Reader("Python", "gzip", ("python3", "-c", PYTHON.format("gzip", "gzip.open(path).read()"))),
    Reader("zlib", "gzip", ("python3", "-c", PYTHON.format("zlib", ONE_MEMBER))),
    Reader("zstd", "zstd", ("zstd", "-dc")),
    Reader("bsdcat", "zstd", ("bsdcat",)),
    Reader("bzip2", "bzip2", ("bzip2", "-dc")),
    Reader("BusyBox", "bzip2", ("busybox", "bzcat")),
    Reader("Python", "bzip2", ("python3", "-c", PYTHON.format("bz2", "bz2.open(path).read()"))),
)


@dataclass(frozen=True)
class Files:
    """A folder of objects, and what their lines are."""

    folder: Path
    lines: bytes

    def of(self, codec: str) -> list[str]:
        """Give the two objects in a compression, the small one first."""
        return [str(self.folder / f"{count}.lines{CODECS[codec].extension}") for count in (SMALL, LARGE)]


def lines_of(records: list[Record]) -> bytes:
    """Give the lines of records."""
    return b"".join(record.payload + b"\n" for record in records)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Objects as the archive writes them, and programs to read them with."""
    folder = tmp_path_factory.mktemp("objects")
    some = {count: demo_records(count) for count in (SMALL, LARGE)}
    found = Files(folder, b"".join(map(lines_of, some.values())))
    for name, codec in CODECS.items():
        for path, records in zip(found.of(name), some.values(), strict=True):
            writer = ObjectWriter(codec, codec.default_level)
            writer.add(records, [record.arrival_ms for record in records])
            Path(path).write_bytes(writer.finish().body)
    (folder / "Gunzip.java").write_text(JAVA)
    (folder / "gunzip.go").write_text(GO)
    return found


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: f"{reader.name}-{reader.codec}")
def test_a_program_reads_the_lines(files: Files, reader: Reader) -> None:
    """Every byte of two objects, without a word and with exit code 0, also where it reads no second member."""
    if shutil.which(reader.command[0]) is None:
        pytest.skip(f"{reader.command[0]} is not on this machine")
    sources = {"java": files.folder / "Gunzip.java", "go": files.folder / "gunzip.go"}
    command = [part.format(**sources) if part in {"{java}", "{go}"} else part for part in reader.command]
    ran = subprocess.run([*command, *files.of(reader.codec)], capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout == files.lines


def test_gzip_lists_the_size(files: Files) -> None:
    """As all do that look at the last four bytes alone."""
    listed = subprocess.run(["gzip", "-l", *files.of("gzip")], capture_output=True, check=True, text=True).stdout
    assert int(listed.splitlines()[-1].split()[1]) == len(files.lines)


def test_each_of_these_programs_stands_on_the_page() -> None:
    """The page names what is run here."""
    text = page("docs/readers.md").text
    assert [reader.name for reader in READERS if reader.name not in text] == []
