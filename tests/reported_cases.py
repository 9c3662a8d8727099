"""Small inputs after faults that were reported of other platforms, with the results that are right.

They stand beside the real data: `PLUMBMARK_REAL_DATA` names the folder `data` whose neighbour
`cases` has one folder for each case.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest


def folder(name: str) -> Path:
    """Return the folder of the case whose name begins so; skip with the reason if it is not given.

    `name` is the case's number, such as "07", or its whole name.
    """
    root = os.environ.get("PLUMBMARK_REAL_DATA")
    if not root:
        pytest.skip("PLUMBMARK_REAL_DATA is not set")
    found = sorted((Path(root).resolve().parent / "cases").glob(f"{name}*"))
    if not found:
        pytest.skip(f"not applicable: no case {name} stands beside the real data")
    return found[0]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON Lines file."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def read_replies(name: str) -> list[dict[str, Any]]:
    """Return the provider's replies of a case, each with what is right under `want`."""
    replies: list[dict[str, Any]] = json.loads((folder(name) / "replies.json").read_text("utf-8"))
    return replies
