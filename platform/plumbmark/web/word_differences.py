"""Two texts side by side: which words of each the other does not have in that place."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

MAX_COMPARED_WORDS = 1500
"""Of each text. Comparing takes longer than in proportion; what follows is shown unmarked."""

_MAX_THOROUGH = 400
"""Words up to which every word counts, however often it occurs."""

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class MarkedWords:
    """A piece of a text; `differs`: the other text does not have it there."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class MarkedTexts:
    """Both texts in pieces, which joined are the whole. `is_cut`: their ends were not compared."""

    first: list[MarkedWords]
    second: list[MarkedWords]
    is_cut: bool


def mark_differences(first: str, second: str, *, most: int = MAX_COMPARED_WORDS) -> MarkedTexts:
    """Return two texts with the words marked that differ. White space is not compared."""
    one, other = _split(first), _split(second)
    a, b = one[:most], other[:most]
    # In long texts what occurs all the time is no anchor ("junk"): that bounds the time, also of
    # texts that are made to be slow.
    is_long = max(len(a), len(b)) > _MAX_THOROUGH
    bare = [[word.strip() for word in words] for words in (a, b)]
    found = SequenceMatcher(None, bare[0], bare[1], autojunk=is_long)
    left: list[MarkedWords] = []
    right: list[MarkedWords] = []
    for kind, a_start, a_end, b_start, b_end in found.get_opcodes():
        _add(left, a[a_start:a_end], differs=kind != "equal")
        _add(right, b[b_start:b_end], differs=kind != "equal")
    _add(left, one[most:], differs=False)
    _add(right, other[most:], differs=False)
    return MarkedTexts(left, right, len(one) > most or len(other) > most)


def _split(text: str) -> list[str]:
    """Return the words of a text, each with the white space before it."""
    words: list[str] = []
    space = ""
    for piece in _WORD.findall(text):
        if piece.isspace():
            space = piece
        else:
            words.append(space + piece)
            space = ""
    if space:
        words.append(space)
    return words


def _add(passages: list[MarkedWords], words: list[str], *, differs: bool) -> None:
    text = "".join(words)
    bare = text.lstrip() if differs else ""
    # The space before the first word is not a part of what differs.
    same = text[: len(text) - len(bare)]
    if same and passages and not passages[-1].differs:
        passages[-1] = MarkedWords(passages[-1].text + same, differs=False)
    elif same:
        passages.append(MarkedWords(same, differs=False))
    if bare:
        passages.append(MarkedWords(bare, differs=True))
