"""The words of texts and queries, and how much two words may differ. Pure."""

import itertools
import re
import unicodedata
from dataclasses import dataclass

from plumbmark.common.errors import InvalidInput, Problem

MAX_QUERY = 200
"""Characters of a query."""
MAX_WORDS = 12
"""Words of a query that are searched for."""
_MAX_WORD = 60
_LETTERS_AND_DIGITS = re.compile(r"[^\W\d_]+ [0-9]+(?= |$)")


def words_of(text: str) -> list[str]:
    """Return the words in lower case without accents; everything but letters and digits parts
    words.
    """
    folded = unicodedata.normalize("NFKD", text).casefold()
    spaced = "".join(
        one if one.isalnum() else "" if unicodedata.combining(one) else " " for one in folded
    )
    return [word[:_MAX_WORD] for word in spaced.split()]


def indexed_title(*texts: str) -> str:
    """Return the words of titles, and a name such as `gpt 6` as one word too."""
    parts = [" ".join(words_of(text)) for text in dict.fromkeys(texts)]
    joined = " ".join(part for part in parts if part)
    pairs = [pair.replace(" ", "") for pair in _LETTERS_AND_DIGITS.findall(joined)]
    return " ".join([joined, *dict.fromkeys(pairs)]).strip()


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """The words that somebody searches for. The last one may be the beginning of a word."""

    text: str
    words: tuple[str, ...]
    words_left_out: int = 0

    @property
    def phrase(self) -> str:
        return " ".join(self.words)


def parse_query(text: str) -> SearchQuery:
    """Return the words of a query; refuse one of more than `MAX_QUERY` characters."""
    if len(text) > MAX_QUERY:
        message = f"has {len(text):,} characters; at most {MAX_QUERY} are searched for"
        raise InvalidInput([Problem(message, "q")])
    words = list(dict.fromkeys(words_of(text)))
    return SearchQuery(text, tuple(words[:MAX_WORDS]), len(words[MAX_WORDS:]))


def may_be_a_beginning(word: str) -> bool:
    """Return whether the last word of a query stands for longer words too: too many begin with one
    letter.
    """
    return len(word) > 1


def slips_allowed(word: str) -> int:
    """Return how many letters of a word may be wrong. Numbers and short words must be right."""
    if len(word) < 4 or any(one.isdigit() for one in word):
        return 0
    return 1 if len(word) < 8 else 2


def intact_parts(word: str) -> list[str]:
    """Return parts of which one at least is in every word that differs by the slips allowed.

    A space stands for the beginning or the end of a word. Parts of fewer than three characters are
    left out, because they are in too many words.
    """
    count = slips_allowed(word) + 1
    if count == 1:
        return []
    ends = [round(len(word) * number / count) for number in range(count + 1)]
    # Two letters swapped where parts meet would spoil both.
    swapped = [f"{word[: at - 1]}{word[at]}{word[at - 1]}{word[at + 1 :]}" for at in ends[1:-1]]
    parts = []
    for form in (word, *swapped):
        padded = f" {form} "
        places = [0, *(end + 1 for end in ends[1:-1]), len(padded)]
        parts += [padded[start:end] for start, end in itertools.pairwise(places)]
    return [part for part in dict.fromkeys(parts) if len(part) >= 3]


def count_slips(word: str, other: str) -> int:
    """Return how many letters are to be added, removed, replaced or swapped with the next one."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(word, 1):
        before, last = row, before
        row = [place]
        for other_place, other_letter in enumerate(other, 1):
            fewest = min(
                before[other_place] + 1,
                row[other_place - 1] + 1,
                before[other_place - 1] + (letter != other_letter),
            )
            is_swapped = (
                place > 1
                and other_place > 1
                and letter == other[other_place - 2]
                and word[place - 2] == other_letter
            )
            row.append(min(fewest, last[other_place - 2] + 1) if is_swapped else fewest)
    return row[-1]


class SlipCounter:
    """Counts the slips of a query if its words are meant to be in a title."""

    def __init__(self, query: SearchQuery) -> None:
        self._words = query.words
        self._known: dict[str, tuple[int, ...]] = {}
        """The slips of each word of the query, by the word of a title that may be meant."""

    def in_title(self, title_words: str) -> int | None:
        """Return the fewest slips; None if the words cannot be meant to be in the title."""
        counts = [self._slips_from(word) for word in title_words.split()]
        if not counts:
            return None
        total = 0
        for word, slips in zip(self._words, zip(*counts, strict=True), strict=True):
            fewest = min(slips)
            if fewest > slips_allowed(word):
                return None
            total += fewest
        return total

    def _slips_from(self, other: str) -> tuple[int, ...]:
        found = self._known.get(other)
        if found is None:
            found = self._known[other] = tuple(_slips(word, other) for word in self._words)
        return found


def _slips(word: str, other: str) -> int:
    """Count none where the word is the beginning of the other one; no slip is within a number."""
    if other.startswith(word):
        return 0
    is_far = abs(len(word) - len(other)) > slips_allowed(word)
    if is_far or any(one.isdigit() for one in other):
        return len(word)
    return count_slips(word, other)
