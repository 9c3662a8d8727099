"""Golden files: what the code gives today, stored beside the tests and compared to the letter.

`PLUMBMARK_UPDATE_GOLDEN=1 pytest tests/golden` writes them anew; then `git diff tests/golden` shows
what a change has changed, and each line of it needs a reason.
"""

import difflib
import json
import os
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "files"
_IS_UPDATE = bool(os.environ.get("PLUMBMARK_UPDATE_GOLDEN"))
_MAX_DIFF_LINES = 200


def check(name: str, value: Any) -> None:
    """Compare with `files/<name>`: a text as it is, anything else as sorted JSON."""
    path = _FOLDER / name
    text = value if isinstance(value, str) else dump(value)
    if _IS_UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return
    assert path.is_file(), f"{name} is missing: PLUMBMARK_UPDATE_GOLDEN=1 writes it"
    stored = path.read_bytes().decode()
    if text != stored:
        raise AssertionError(_difference(name, stored, text))


def dump(value: Any) -> str:
    """JSON with sorted keys, one value a line; short lists and mappings on one line."""
    return _dump(value, "") + "\n"


def _dump(value: Any, indent: str) -> str:
    flat = json.dumps(value, sort_keys=True, ensure_ascii=True)
    if not isinstance(value, dict | list) or len(indent) + len(flat) <= 96:
        return flat
    further = f"{indent} "
    if isinstance(value, list):
        lines = [further + _dump(one, further) for one in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    lines = [f"{further}{json.dumps(key)}: {_dump(value[key], further)}" for key in sorted(value)]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def _difference(name: str, stored: str, text: str) -> str:
    lines = list(
        difflib.unified_diff(
            stored.splitlines(), text.splitlines(), f"{name}, stored", f"{name}, now", lineterm=""
        )
    )
    if len(lines) > _MAX_DIFF_LINES:
        lines[_MAX_DIFF_LINES:] = [f"… and {len(lines) - _MAX_DIFF_LINES} further lines"]
    return "\n".join(lines or ["only the ends of lines differ"])
