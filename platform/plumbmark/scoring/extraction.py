"""Where in an output the answer is looked for: after the last marker, or in a box."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

WithoutMarker = Literal["wrong", "anywhere"]
"""What an output without any marker means: no answer, or an answer anywhere in it."""


_BOX = re.compile(r"\\(?:boxed|fbox)\s{0,3}\{")
_BRACE = re.compile(r"[{}]")
_MAX_BOX = 2000
_MAX_BOXES = 20


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of the output: its text, where it starts, and the marker it follows, if any."""

    text: str
    start: int
    marker: str | None


def passage_after(
    output: str, markers: Sequence[str], without_marker: WithoutMarker
) -> Passage | None:
    """Return the text after the last marker; None where there has to be one and is none.

    Models quote a marker while they think, so it is the last one that introduces the answer.
    """
    found_at, found = -1, ""
    for marker in markers:
        position = output.rfind(marker)
        if position >= 0 and position + len(marker) > found_at + len(found):
            found_at, found = position, marker
    if found_at >= 0:
        start = found_at + len(found)
        return Passage(output[start:], start, found)
    if markers and without_marker == "wrong":
        return None
    return Passage(output, 0, None)


def boxed_passage(passage: Passage) -> Passage | None:
    r"""Return the content of the last `\boxed{…}` of a passage; None without one."""
    box = last_box(passage.text)
    if box is None:
        return None
    return Passage(passage.text[box[0] : box[1]], passage.start + box[0], passage.marker)


def last_box(text: str) -> tuple[int, int] | None:
    r"""Return where the content of the last `\boxed{…}` starts and ends; None without one.

    Empty boxes are templates that were copied. A box that was cut off ends with its line.
    """
    starts = [match.end() for match in _BOX.finditer(text)]
    for start in reversed(starts[-_MAX_BOXES:]):
        end = _closing_brace(text, start)
        if text[start:end].strip(" .…?"):
            return start, end
    return None


def _closing_brace(text: str, start: int) -> int:
    depth = 1
    limit = min(len(text), start + _MAX_BOX)
    for brace in _BRACE.finditer(text, start, limit):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    line_end = text.find("\n", start, limit)
    return limit if line_end < 0 else line_end


def no_marker_explanation(markers: Sequence[str]) -> str:
    """Explain why an output without a marker has no answer."""
    names = " or ".join(f"“{marker.strip()}”" for marker in markers)
    return f"The output holds no {names}, after which the answer is looked for."
