"""Golden files: what the code gives today, stored beside the tests and compared to the letter.

`PLUMBMARK_UPDATE_GOLDEN=1 pytest tests/golden` writes them anew; then `git diff tests/golden` shows
what a change has changed, and each line of it needs a reason.
"""

import difflib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
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


def check_changes(name: str, found: Mapping[str, Mapping[str, Iterable[Any]]]) -> None:
    """Compare the result of each change at each place, as lines of text; `-` if there was no
    message.
    """
    lines = []
    for place, changes in found.items():
        lines.append(place)
        for change, told in changes.items():
            lines += [f" {change}: {one}" for one in told] or [f" {change}: -"]
    check(name, "".join(f"{line}\n" for line in lines))


def plain(value: Any) -> Any:
    """Return objects with fields as mappings, sequences as lists, times and words as text."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if hasattr(value, "model_dump"):
        return plain(value.model_dump())
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value), key=str)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(inner) for inner in value]
    return value


def round_numbers(value: Any) -> Any:
    """Round every fraction to twelve digits: the last ones differ between machines."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: round_numbers(inner) for key, inner in value.items()}
    return [round_numbers(inner) for inner in value] if isinstance(value, list) else value


def dump(value: Any) -> str:
    """Write JSON with sorted keys, one value per line; short lists and mappings on one line."""
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
