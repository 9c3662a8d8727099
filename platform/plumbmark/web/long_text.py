"""Long texts on pages: a page shows the beginning, a download has the rest."""

from dataclasses import dataclass

INLINE_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class CappedText:
    """The beginning of a text. `total` counts the characters of the whole."""

    text: str
    total: int

    @property
    def is_cut(self) -> bool:
        return len(self.text) < self.total


def cap_text(text: str, most: int = INLINE_CHARACTERS) -> CappedText:
    return CappedText(text if len(text) <= most else text[:most], len(text))


@dataclass(frozen=True, slots=True)
class Highlight:
    """A text in three parts, the middle one highlighted; `has_gap`: the first part is cut."""

    before: str
    passage: str
    after: str
    total: int
    is_cut: bool
    has_gap: bool


def highlight_passage(
    text: str, start: int | None, end: int | None, most: int = INLINE_CHARACTERS
) -> Highlight:
    """Return the beginning of `text` with the passage from `start` to `end` highlighted.

    If the passage lies beyond what is shown, return only its surroundings.
    """
    if start is None or end is None or not 0 <= start < end <= len(text):
        head = cap_text(text, most)
        return Highlight(head.text, "", "", len(text), head.is_cut, False)
    shown_end = min(end, start + most // 2)
    if shown_end <= most:
        return Highlight(
            text[:start], text[start:shown_end], text[shown_end:most], len(text),
            len(text) > most or shown_end < end, False,
        )  # fmt: skip
    around = most // 10
    return Highlight(
        text[max(0, start - around) : start],
        text[start:shown_end],
        text[shown_end : shown_end + around],
        len(text),
        True,
        True,
    )
