"""The parts of an Office file, which is a zip archive, read within limits."""

import posixpath
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from plumbmark.common.errors import InvalidInput, Problem

_MAX_UNPACKED = 1 << 29
_MAX_RATIO = 200
_RATIO_FROM = 1 << 22
"""Smaller archives may be packed as well as they like."""
_MAX_XML = 1 << 25
_CHUNK = 1 << 20
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


class Package:
    """An open archive. Sizes are checked before anything is unpacked."""

    def __init__(self, path: Path) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise InvalidInput([Problem(f"the zip archive is damaged: {error}")]) from None
        parts = self._archive.infolist()
        size, packed = sum(one.file_size for one in parts), path.stat().st_size
        if size > _MAX_UNPACKED or (size > _RATIO_FROM and size > _MAX_RATIO * packed):
            raise InvalidInput(
                [
                    Problem(
                        f"the file unpacks to {size:,} bytes, far more than it has itself; save "
                        "the table as CSV"
                    )
                ]
            )
        self._sizes = {one.filename: one.file_size for one in parts}

    def has(self, part: str) -> bool:
        return part in self._sizes

    def read(self, part: str) -> bytes:
        """Return a part whole; empty if there is none."""
        return b"".join(self.chunks(part))

    def chunks(self, part: str) -> Iterator[bytes]:
        """Yield a part piece by piece, but no more than its head promises."""
        if part not in self._sizes:
            return
        left = self._sizes[part]
        try:
            with self._archive.open(part) as file:
                while chunk := file.read(_CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise InvalidInput(
                            [Problem(f"{part!r} in the file is larger than the file says")]
                        )
                    yield chunk
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
            raise InvalidInput(
                [Problem(f"{part!r} in the file cannot be unpacked: {error}")]
            ) from None

    def xml(self, part: str) -> ElementTree.Element | None:
        """Return the root of a part; None if there is none, or if it is no plain XML.

        Parts with a document type are refused: entities are made of them.
        """
        if self._sizes.get(part, _MAX_XML + 1) > _MAX_XML:
            return None
        text = self.read(part)
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise InvalidInput([Problem(f"{part!r} in the file has a document type")])
        try:
            return ElementTree.fromstring(text)  # noqa: S314 - no document type, so no entities
        except ElementTree.ParseError:
            return None

    def relations(self, part: str) -> dict[str, str]:
        """Return the parts that a part refers to, by the ids of the relations."""
        folder, name = posixpath.split(part)
        root = self.xml(f"{folder}/_rels/{name}.rels")
        if root is None:
            return {}
        found = {}
        for relation in root:
            target = relation.get("Target", "")
            if relation.get("TargetMode") == "External":
                continue
            path = target[1:] if target.startswith("/") else posixpath.join(folder, target)
            found[relation.get("Id", "")] = posixpath.normpath(path)
        return found

    def sheet_parts(self) -> dict[str, str]:
        """Return the parts of the sheets, by the sheets' names."""
        root = self.xml("xl/workbook.xml")
        relations = self.relations("xl/workbook.xml")
        if root is None:
            return {}
        return {
            sheet.get("name", ""): relations.get(sheet.get(f"{_RELATION}id", ""), "")
            for sheet in root.iter(f"{_MAIN}sheet")
        }
