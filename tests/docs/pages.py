"""The project's pages: their links, code blocks, tables and words in code type."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str

    @property
    def prose(self) -> str:
        """The text without its code blocks."""
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        """The targets of its links."""
        return _LINK.findall(self.prose)

    @property
    def words(self) -> list[str]:
        """What stands in code type within sentences and tables."""
        return _CODE.findall(self.prose)

    @property
    def anchors(self) -> set[str]:
        """The names of its headings, as a link gives them."""
        plain = (heading.replace("`", "").lower() for heading in _HEADING.findall(self.prose))
        return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}

    def blocks(self, language: str) -> list[str]:
        """Give its code blocks of a language."""
        return [body for _, found, body in _FENCE.findall(self.text) if found == language]

    def rows(self, heading: str) -> Iterator[list[str]]:
        """Give the cells of each row of the tables under a heading, without the tables' heads."""
        section = re.split(r"^#+ ", self.prose.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
        body = False
        for line in section.splitlines():
            if not line.startswith("|"):
                body = False
            elif line.startswith("|---"):
                body = True
            elif body:
                yield [cell.strip() for cell in line.strip("|").split("|")]


def page(name: str) -> Page:
    """Read a page by its path from the root."""
    path = ROOT / name
    return Page(path, path.read_text(encoding="utf-8"))


def pages() -> list[Page]:
    """Read all of them."""
    names = [path for folder in (ROOT, ROOT / "docs", ROOT / "docs" / "decisions") for path in folder.glob("*.md")]
    return [page(str(path.relative_to(ROOT))) for path in sorted(names)]


def name_of(of: Page) -> str:
    """Name a page in a test's id."""
    return str(of.path.relative_to(ROOT))
