"""Tables as they come from web pages and from documents: HTML and Markdown."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from plumbmark.common.errors import InvalidInput, Problem

_RULE = re.compile(r"\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?")
_BAR = re.compile(r"(?<!\\)\|")


def html_rows(path: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of the first table of a page, numbered from 1: text alone, without markup."""
    reader = _TableReader()
    with path.open(encoding=encoding, errors="replace") as file:
        while chunk := file.read(1 << 16):
            reader.feed(chunk)
            yield from reader.take()
    reader.close()
    yield from reader.take()


class _TableReader(HTMLParser):
    """Collects the cells of the first table; a cell over several columns fills all of them."""

    _MAX_SPAN = 100

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._depth = 0
        self._is_over = False
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._span = 1
        self._hidden = 0
        self._count = 0
        self._rows: list[tuple[int, list[str]]] = []

    def take(self) -> list[tuple[int, list[str]]]:
        rows, self._rows = self._rows, []
        return rows

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._depth += 1
        if tag in {"script", "style"}:
            self._hidden += 1
        if self._depth != 1 or self._is_over:
            return
        if tag == "tr":
            self._end_row()
            self._row = []
        elif tag in {"td", "th"}:
            self._end_cell()
            self._row = [] if self._row is None else self._row
            span = dict(attrs).get("colspan") or "1"
            self._span = min(int(span), self._MAX_SPAN) if span.isdecimal() else 1
            self._cell = []
        elif tag in {"br", "p", "div", "li"} and self._cell:
            self._cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._hidden = max(0, self._hidden - 1)
        if self._is_over or self._depth == 0:
            return
        if self._depth == 1 and tag in {"td", "th"}:
            self._end_cell()
        elif self._depth == 1 and tag == "tr":
            self._end_row()
        elif tag == "table":
            self._depth -= 1
            if self._depth == 0:
                self._end_row()
                self._is_over = True

    def handle_data(self, data: str) -> None:
        if self._cell is not None and not self._hidden:
            self._cell.append(data)

    def close(self) -> None:
        super().close()
        self._end_row()

    def _end_cell(self) -> None:
        if self._cell is None or self._row is None:
            return
        lines = [" ".join(line.split()) for line in "".join(self._cell).split("\n")]
        text = "\n".join(line for line in lines if line)
        self._row += [text] * max(1, self._span)
        self._cell = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._row:
            self._count += 1
            self._rows.append((self._count, self._row))
        self._row = None


def markdown_rows(path: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a Markdown table with their lines, without the rule under the head."""
    with path.open(encoding=encoding) as file:
        for number, line in enumerate(file, 1):
            text = line.strip().removeprefix("\ufeff")
            if not text or (number <= 3 and _RULE.fullmatch(text)):
                continue
            if not text.startswith("|"):
                raise InvalidInput(
                    [
                        Problem(
                            "is no row of the table above it: it begins without a bar", line=number
                        )
                    ]
                )
            inner = text[1:-1] if text.endswith("|") and not text.endswith("\\|") else text[1:]
            yield number, [one.strip().replace("\\|", "|") for one in _BAR.split(inner)]
