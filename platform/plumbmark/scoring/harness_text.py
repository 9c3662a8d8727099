"""The text of the programs of this folder that run in the sandbox."""

from functools import cache
from pathlib import Path

from plumbmark.scoring import process_shield

_ANNOTATIONS = "from __future__ import annotations\n"


@cache
def harness_text(file: str) -> str:
    """Return the text of such a program, with `process_shield` before it."""
    texts = [Path(part).read_text("utf-8") for part in (process_shield.__file__, file)]
    return "\n".join([_ANNOTATIONS, *(text.replace(_ANNOTATIONS, "") for text in texts)])
