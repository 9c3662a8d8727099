"""The pictures on a sheet of a workbook, by the cell on which their upper left corner lies."""

import base64

from plumbmark.common.file_types import detect_file_type
from tasks_app.tables.package_parts import Package

_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_ART = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_ANCHORS = {f"{_DRAWING}oneCellAnchor", f"{_DRAWING}twoCellAnchor"}
_TAKEN = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_MAX_PICTURE = 1 << 23
_MAX_PICTURES = 100_000


def pictures_of_sheet(package: Package, sheet: str) -> dict[tuple[int, int], str]:
    """Return `data:` URLs by row and column, both from 0. Only kinds that models can be sent."""
    found: dict[tuple[int, int], str] = {}
    packed: dict[str, str] = {}
    for drawing in package.relations(sheet).values():
        if "/drawings/" not in f"/{drawing}" or not drawing.endswith(".xml"):
            continue
        root = package.xml(drawing)
        targets = package.relations(drawing)
        for anchor in root if root is not None else ():
            if anchor.tag not in _ANCHORS or len(found) >= _MAX_PICTURES:
                continue
            blip = anchor.find(f".//{_ART}blip")
            start = anchor.find(f"{_DRAWING}from")
            if blip is None or start is None:
                continue
            part = targets.get(blip.get(f"{_RELATION}embed", ""), "")
            if part not in packed:
                packed[part] = _as_url(package, part)
            row, column = (start.findtext(f"{_DRAWING}{name}", "") for name in ("row", "col"))
            if packed[part] and row.isdecimal() and column.isdecimal():
                found.setdefault((int(row), int(column)), packed[part])
    return found


def _as_url(package: Package, part: str) -> str:
    content = package.read(part)
    kind = detect_file_type(content)
    if kind not in _TAKEN or len(content) > _MAX_PICTURE:
        return ""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
