"""From the names in a row to the images and audio of its item.

A column names an attached file, or contains a small one as a `data:` URL.
"""

import binascii
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plumbmark.common.errors import Problem
from plumbmark.shapes.names import suggest_name
from tasks_app.datasets.media.detection import (
    ENDINGS,
    MediaLimits,
    NotMedia,
    inspect_media,
    kind_of,
)
from tasks_app.datasets.rows import DataRow, RowProblem
from tasks_app.definitions import Definition, Part
from tasks_app.definitions.characters import normalise_name
from tasks_app.definitions.rendering import file_columns, named_files, text_of

_DATA_URL = re.compile(r"data:[^;,]{0,100}(?:;[^;,]{0,100}){0,5},", re.IGNORECASE)
_SHOWN = 5
_AMBIGUOUS = ""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """The part of an attached file that importing needs."""

    sha256: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class AttachedFiles:
    """The files beside a data file, by name, and the limits of those inside the data file."""

    files: Mapping[str, KnownFile] = field(default_factory=dict)
    limits: MediaLimits = field(default_factory=MediaLimits)
    total_bytes: int = 500 * 1024 * 1024
    """Of all files inside the data file."""


class FileResolver:
    """Finds the files of one item after the other, and remembers which were used."""

    def __init__(self, definition: Definition, attached: AttachedFiles) -> None:
        self._definition = definition
        self._given = attached
        self.is_needed = bool(definition.prompt.media_parts)
        self._columns = file_columns(definition)
        self._files = {normalise_name(name): file for name, file in attached.files.items()}
        self._by_ending = _names_by_ending(self._files) if self.is_needed else {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._inline_bytes = 0
        self.used: dict[str, KnownFile] = {}
        """By the name under which rows have them."""
        self.inline: dict[str, Path] = {}
        """Of files inside the data file, where their bytes lie, by SHA-256."""

    def close(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def take(self, row: DataRow, values: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the item's files in the order of its messages.

        A `data:` URL in `values` is replaced by a name for its content.
        """
        for column in self._columns:
            value = values[column]
            if isinstance(value, str) and value[:5].lower() == "data:":
                values[column] = self._unpack_data_url(value, column, row.line)
            elif value is not None and not isinstance(value, str | int):
                raise RowProblem(Problem("must be the name of one file", column, row.line))
        texts = {name: text_of(value) for name, value in values.items()}
        found: dict[str, dict[str, Any]] = {}
        for named in named_files(self._definition, texts):
            part, name, place = named.part, named.name, ", ".join(named.columns)[:80]
            if not name:
                if part.optional:
                    continue
                raise RowProblem(
                    Problem(
                        f"names no {part.kind}; where some items have none, write optional: true "
                        "beside it in the definition",
                        place,
                        row.line,
                    )
                )
            file = self._file(name, part, place, row.line)
            found.setdefault(
                name,
                {
                    "name": name,
                    "sha256": file.sha256,
                    "media_type": file.media_type,
                    "bytes": file.size,
                },
            )
        return list(found.values())

    def _file(self, name: str, part: Part, place: str, line: int) -> KnownFile:
        wanted = normalise_name(name)
        file = self.used.get(name) or self._files.get(wanted)
        if file is None:
            whole = self._by_ending.get(wanted)
            if whole is None or whole == _AMBIGUOUS:
                raise RowProblem(Problem(self._explain_missing(name, whole), place, line))
            file = self._files[whole]
        if kind_of(file.media_type) != part.kind:
            raise RowProblem(
                Problem(f"{name[:80]!r} is {file.media_type}; here the definition has {part.kind}",
                        place, line)
            )  # fmt: skip
        self.used[name] = file
        return file

    def _explain_missing(self, name: str, whole: str | None) -> str:
        quoted_name = repr(name[:80])
        if name[:5].lower() == "data:":
            return "a data: URL must stand in its column whole, as data:image/png;base64,…"
        if whole == _AMBIGUOUS:
            return f"several attached files are called {quoted_name}; write the folder too"
        if not self._given.files:
            return f"the file {quoted_name} is not there: no images and audio are attached yet"
        hint = suggest_name(normalise_name(name), self._files)
        return f"no attached file is called {quoted_name}{hint}"

    def _unpack_data_url(self, url: str, column: str, line: int) -> str:
        head = _DATA_URL.match(url)
        if head is None or not head[0][:-1].lower().endswith(";base64"):
            raise RowProblem(
                Problem("a data: URL must read data:<type>;base64,<data>", column, line)
            )
        try:
            data = binascii.a2b_base64("".join(url[head.end() :].split()), strict_mode=True)
            media = inspect_media(data, self._given.limits)
        except NotMedia as error:
            raise RowProblem(Problem(f"what the data: URL holds {error}", column, line)) from error
        except ValueError as error:
            raise RowProblem(
                Problem(f"the data: URL is no base64: {error}", column, line)
            ) from error
        name = f"inline-{media.sha256[:12]}.{ENDINGS[media.media_type]}"
        if media.sha256 not in self.inline:
            self._inline_bytes += media.size
            if self._inline_bytes > self._given.total_bytes:
                raise RowProblem(
                    Problem(
                        f"with this one the images and audio have {self._inline_bytes:,} bytes; "
                        f"at most {self._given.total_bytes:,} are taken",
                        column,
                        line,
                    )
                )
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory()
            path = Path(self._folder.name) / media.sha256
            path.write_bytes(data)
            self.inline[media.sha256] = path
            self.used[name] = KnownFile(media.sha256, media.media_type, media.size)
        return name

    def warnings(self) -> list[str]:
        """Return warnings for attached files that no row names."""
        used = {file.sha256 for file in self.used.values()}
        left = [name for name, file in self._given.files.items() if file.sha256 not in used]
        if not left:
            return []
        name_list = ", ".join(map(repr, sorted(left)[:_SHOWN])) + (
            ", …" if len(left) > _SHOWN else ""
        )
        return [f"{len(left):,} attached file{'s' * (len(left) > 1)} named by no row: {name_list}"]


def _names_by_ending(files: Mapping[str, KnownFile]) -> dict[str, str]:
    """Return whole names by the rest after their first folders: such a rest is enough if it is
    unique.
    """
    found: dict[str, str] = {}
    for name in files:
        rest = name
        while "/" in rest:
            rest = rest.partition("/")[2]
            found[rest] = _AMBIGUOUS if rest in found else name
    return found
