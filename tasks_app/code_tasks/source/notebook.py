"""A Python file or a Jupyter notebook as one script, and a script as a notebook.

A notebook's code cells stand in the script one after the other, each after a line `# %% cell n`, n
counting the code cells from 1 as a notebook does that is run from the top. So a line of a traceback
leads back to its cell. A Python file keeps every line where it is.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.strict_json import JsonError, JsonReader
from plumbmark.strict_json.numbers import FINITE
from plumbmark.strict_json.texts import MAX_STORED_DEPTH, count_unstorable
from tasks_app.code_tasks.findings import Finding, error
from tasks_app.code_tasks.source.magics import (
    PlainCode,
    chosen_twice,
    statement_lines,
    without_magics,
)

MAX_BYTES = 20 * 1024 * 1024
"""A notebook may hold pictures in its outputs."""
MAX_CODE_BYTES = 256 * 1024
"""A look at code costs thousands of times its size in memory for a moment."""
MAX_CELLS = 5_000

_READER = JsonReader(max_bytes=MAX_BYTES, max_depth=MAX_STORED_DEPTH - 10, numbers=FINITE)
_MARKER = re.compile(r"# ?%%(?:[ \t\[].*)?")
_KIND = re.compile(r"\[(?P<kind>markdown|md|raw)\]\s*(?P<title>.*)")
_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_COMMENTED_MAGIC = re.compile(r"# ?(?P<magic>%{1,2}[A-Za-z]\w*.*|![A-Za-z./~].*)")
_FRAME = re.compile(r'File "(?P<path>[^"\n]*)", line (?P<line>\d+)')


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell within the script."""

    number: int
    """Among the code cells, from 1."""
    first_line: int
    """The line of the script, from 1, where the cell's own first line stands."""
    line_count: int


@dataclass(frozen=True, slots=True)
class CellPlace:
    """A line as its author knows it: of a cell, or of the file where `cell` is None."""

    cell: int | None
    line: int

    def __str__(self) -> str:
        return f"line {self.line}" if self.cell is None else f"cell {self.cell}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Script:
    """A script that can be run, and where its lines came from."""

    code: str
    cells: Sequence[Cell] = ()
    """Empty for a Python file."""
    chosen: str | None = None
    """The argument of `%choose`: the variable or the name of the main task."""
    findings: Sequence[Finding] = field(default=())
    """Their lines count in `code`."""

    def place_of(self, line: int) -> CellPlace | None:
        """Return a script line's place for its author; None between cells and beyond."""
        if not self.cells:
            return CellPlace(None, line)
        for cell in self.cells:
            if cell.first_line <= line < cell.first_line + cell.line_count:
                return CellPlace(cell.number, line - cell.first_line + 1)
        return None

    def place_traceback(self, traceback: str, *, script: str) -> str:
        """Return a traceback with `File "cell 3", line 2` for the lines of the script.

        `script` is the file name (without folders) under which the code was run.
        """

        def place_frame(frame: re.Match[str]) -> str:
            name = re.split(r"[\\/]", frame["path"])[-1]
            place = self.place_of(int(frame["line"])) if name == script else None
            if place is None:
                return frame.group()
            source = script if place.cell is None else f"cell {place.cell}"
            return f'File "{source}", line {place.line}'

        return _FRAME.sub(place_frame, traceback)


# --- Reading ------------------------------------------------------------------------------------


def script_of(name: str, data: bytes) -> Script:
    """Return the script of a file whose name ends in `.py` or `.ipynb`.

    Raises `InvalidInput` for other files, and if it cannot be decoded or is too large. Code that
    Python cannot parse is accepted: `inspection` reports it, with its line.
    """
    ending = name.rpartition(".")[2].lower()
    if ending == "py":
        return _script_of_python(_decode(data, MAX_CODE_BYTES))
    if ending == "ipynb":
        return script_of_notebook(_decode(data, MAX_BYTES))
    raise _invalid(f"{name!r} is no Python file (.py) and no notebook (.ipynb)")


def script_of_notebook(text: str) -> Script:
    """Return the same for the JSON text of a notebook, formats 3 and 4."""
    try:
        document = _READER.read(text)
    except JsonError as why:
        raise InvalidInput(
            [Problem(f"is no notebook: {why}", line=why.line, column=why.column)]
        ) from None
    parts: list[str] = []
    cells: list[Cell] = []
    findings: list[Finding] = []
    chosen: str | None = None
    line = 1
    for number, source in enumerate(_code_cells(document), 1):
        plain = without_magics(source)
        parts += [f"# %% cell {number}", *plain.lines, ""]
        cells.append(Cell(number, line + 1, len(plain.lines)))
        findings += [_move_finding(finding, line) for finding in plain.findings]
        chosen = _choose_task(chosen, plain, line, findings)
        line += len(plain.lines) + 2
    if not any(part.strip() and not part.startswith("# %% cell ") for part in parts):
        findings.append(error("no-code", "The notebook has no code.", "Add a code cell."))
    code = "\n".join(parts).rstrip("\n") + "\n"
    if len(code.encode()) > MAX_CODE_BYTES:
        raise _too_large(MAX_CODE_BYTES, "of code")
    return Script(code, tuple(cells), chosen, tuple(findings))


def _script_of_python(text: str) -> Script:
    for number, line in enumerate(text.split("\n", 2)[:2], 1):
        coding = _CODING.match(line)
        if coding and coding[1].lower().replace("_", "-") not in {"utf-8", "utf8", "utf-8-sig"}:
            raise _invalid(
                f"declares the encoding {coding[1]!r}; save it as UTF-8 and remove that line",
                line=number,
            )
    lines: list[str] = []
    findings: list[Finding] = []
    chosen: str | None = None
    for cell in _file_cells(text):
        # A marker is a comment; the cell behind it may begin with a command for the whole cell.
        plain = without_magics(cell.source, read_comments=True)
        before = cell.first_line - 1
        lines += [*cell.marker, *plain.lines]
        findings += [_move_finding(finding, before) for finding in plain.findings]
        chosen = _choose_task(chosen, plain, before, findings)
    return Script("\n".join(lines), (), chosen, tuple(findings))


def _choose_task(
    before: str | None, plain: PlainCode, offset: int, findings: list[Finding]
) -> str | None:
    if plain.chosen is None:
        return before
    if before is not None and before != plain.chosen:
        findings.append(chosen_twice(before, plain.chosen, offset + 1))
    return plain.chosen


def _move_finding(finding: Finding, by: int) -> Finding:
    return finding if finding.line is None else replace(finding, line=finding.line + by)


def _decode(data: bytes, most: int) -> str:
    if len(data) > most:
        raise _too_large(most)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise _invalid(
            f"is not UTF-8 (byte {problem.start}); save it as UTF-8", line=line
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise _invalid("holds a null character; remove it", line=line)
    return text


def _code_cells(document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        raise _invalid("is no notebook: it must be a JSON object")
    if "cells" not in document and "worksheets" not in document:
        raise _invalid("is no notebook: it has neither cells nor worksheets")
    version = document.get("nbformat", 4 if "cells" in document else 3)
    if version not in (3, 4):
        raise _invalid(
            f"is a notebook of format {version!r}; open and save it in a current Jupyter",
            path="nbformat",
        )
    _check_language(document)
    if version == 4:
        yield from _cells_of(document.get("cells"), "cells", "source")
        return
    sheets = document.get("worksheets")
    if not isinstance(sheets, list):
        raise _invalid("must be a list", path="worksheets")
    for at, sheet in enumerate(sheets):
        cells = sheet.get("cells") if isinstance(sheet, dict) else None
        yield from _cells_of(cells, f"worksheets[{at}].cells", "input")


def _check_language(document: dict[str, Any]) -> None:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return
    for part, key in (("kernelspec", "language"), ("language_info", "name")):
        details = metadata.get(part)
        language = details.get(key) if isinstance(details, dict) else None
        if isinstance(language, str) and language and not _is_python(language):
            raise _invalid(
                f"is a notebook in {language}; only Python runs here",
                path=f"metadata.{part}.{key}",
            )


def _is_python(language: str) -> bool:
    return language.lower() in {"python", "python3", "ipython", "ipython3"}


def _cells_of(cells: Any, path: str, source_key: str) -> Iterator[str]:
    if not isinstance(cells, list):
        raise _invalid("must be a list", path=path)
    if len(cells) > MAX_CELLS:
        raise _invalid(f"has more than {MAX_CELLS:,} cells", path=path)
    for at, cell in enumerate(cells):
        if not isinstance(cell, dict):
            raise _invalid("must be an object", path=f"{path}[{at}]")
        if cell.get("cell_type") != "code":
            continue
        language = cell.get("language")
        if isinstance(language, str) and not _is_python(language):
            raise _invalid(f"is a cell in {language}; only Python runs here", path=f"{path}[{at}]")
        yield _source_of(cell.get(source_key, ""), f"{path}[{at}].{source_key}")


def _source_of(source: Any, path: str) -> str:
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise _invalid("must be a text or a list of texts", path=path)
    if count_unstorable(source):
        raise _invalid("holds a null character or half a character; remove it", path=path)
    return source.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def _invalid(message: str, *, line: int | None = None, path: str = "") -> InvalidInput:
    return InvalidInput([Problem(message, path=path, line=line)])


def _too_large(most: int, of: str = "") -> InvalidInput:
    return _invalid(f"has more than {most // 1024:,} KiB{' ' + of if of else ''}")


# --- Digesting ----------------------------------------------------------------------------------

_SAID_OF_CELLS = ("attachments", "language", "level")
_METADATA_OF_CELLS = ("format", "name", "raw_mimetype", "tags", "title")
"""What an author writes there. Ids, times and widgets are an editor's."""


def digest_source(name: str, data: bytes) -> str:
    """Return a digest of what a readable file says: of a notebook, its cells in their order.

    Clients and editors give the cells new ids, counts and outputs whenever they write a notebook,
    and order its keys as they like, so equal notebooks rarely have equal bytes.
    """
    if not name.lower().endswith(".ipynb"):
        return sha256(data).hexdigest()
    document = _READER.read(_decode(data, MAX_BYTES))
    sheets = [document, *(document.get("worksheets") or [])]
    contents = [_cell_content(cell) for sheet in sheets for cell in sheet.get("cells") or []]
    # Half a character in a text cell has no UTF-8, so it is escaped like all others.
    return sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def _cell_content(cell: dict[str, Any]) -> dict[str, Any]:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if isinstance(source, str):
        source = source.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    metadata = cell.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    return {
        "kind": cell.get("cell_type"),
        "source": source,
        "cell": {key: cell[key] for key in _SAID_OF_CELLS if cell.get(key)},
        "metadata": {key: known[key] for key in _METADATA_OF_CELLS if known.get(key)},
    }


# --- Files with cells ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _FileCell:
    """A part of a file between two `# %%` lines."""

    marker: Sequence[str]
    """The `# %%` line itself; empty for what stands before the first."""
    source: str
    first_line: int
    """Of `source`, from 1."""
    kind: str
    """`code`, `markdown` or `raw`."""
    title: str


def _file_cells(text: str) -> Iterator[_FileCell]:
    lines = text.split("\n")
    # A text in quotes may hold such a line as well.
    starts = {
        number
        for number in statement_lines(text)
        if lines[number - 1].startswith("#") and _MARKER.fullmatch(lines[number - 1])
    }
    marker: list[str] = []
    source: list[str] = []
    first = 1
    for number, line in enumerate(lines, 1):
        if number in starts:
            if marker or source:
                yield _file_cell(marker, source, first)
            marker, source, first = [line], [], number + 1
        else:
            source.append(line)
    yield _file_cell(marker, source, first)


def _file_cell(marker: list[str], source: list[str], first: int) -> _FileCell:
    title = ""
    kind = "code"
    if marker:
        title = marker[0].lstrip("# ").removeprefix("%%").strip()
        if match := _KIND.fullmatch(title):
            kind = "raw" if match["kind"] == "raw" else "markdown"
            title = match["title"]
    return _FileCell(tuple(marker), "\n".join(source), first, kind, title)


# --- Writing ------------------------------------------------------------------------------------


def notebook_of(code: str) -> str:
    """Return the notebook (format 4.5, JSON text) of a Python file whose cells begin with `# %%`.

    Commented notebook commands become commands again. Equal files give equal notebooks.
    """
    text = code.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    cells: list[dict[str, Any]] = []
    for cell in _file_cells(text):
        lines = _trim(cell.source.split("\n"))
        if cell.kind == "code":
            source = _with_commands("\n".join(lines))
        else:
            source = "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)
        if source or cell.marker:
            cells.append(_notebook_cell(cell, source, len(cells)))
    document = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _notebook_cell(cell: _FileCell, source: str, position: int) -> dict[str, Any]:
    written: dict[str, Any] = {
        "cell_type": cell.kind,
        "id": sha256(f"{position}:{source}".encode()).hexdigest()[:12],
        "metadata": {"title": cell.title} if cell.title else {},
        "source": source.splitlines(keepends=True),
    }
    if cell.kind == "code":
        written |= {"execution_count": None, "outputs": []}
    return written


def _trim(lines: list[str]) -> list[str]:
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return lines[start:end]


def _with_commands(source: str) -> str:
    lines = source.split("\n")
    for number in statement_lines(source):
        if match := _COMMENTED_MAGIC.fullmatch(lines[number - 1]):
            lines[number - 1] = match["magic"]
    return "\n".join(lines)


def finding_document(finding: Finding, script: Script) -> dict[str, Any]:
    """Return a finding as it is stored and shown: with its place as the author knows it."""
    place = script.place_of(finding.line) if finding.line is not None else None
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "remedy": finding.remedy,
        "line": finding.line,
        "place": "" if place is None else str(place),
        "file": finding.file,
        "path": finding.path,
    }
