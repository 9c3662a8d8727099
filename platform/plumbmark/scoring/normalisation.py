"""Named ways of making two spellings of an answer equal before they are compared."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

_SPACES = re.compile(r"\s+")
_ENGLISH_ARTICLES = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)
_INITIALS = re.compile(r"(?<=\b[^\W\d_])[.．](?=[^\W\d_]\b)")
_BLANK = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\u200b\u200e\u200f\u2060\ufeff"
"""What is blank at the ends of a text: white space, and characters that nobody sees."""

_MARKUP = "*_`\"'“”‘’"
_FINAL_STOPS = ".!。"
_MAX_PASSES = 10


def _trim(text: str) -> str:
    return text.strip(_BLANK)


def skip_blank(text: str) -> int:
    """Return where the text begins that can be seen."""
    return len(text) - len(text.lstrip(_BLANK))


def _fold_case(text: str) -> str:
    return text.casefold()


def _compatibility_form(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _compose_unicode(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _collapse_spaces(text: str) -> str:
    return _trim(_SPACES.sub(" ", text))


def _remove_spaces(text: str) -> str:
    return _SPACES.sub("", text)


class _PunctuationTable(dict[int, int]):
    """A table for `str.translate` that looks every character up once."""

    def __missing__(self, code: int) -> int:
        replacement = 0x20 if unicodedata.category(chr(code)).startswith("P") else code
        self[code] = replacement
        return replacement


_PUNCTUATION = _PunctuationTable()


def _strip_punctuation(text: str) -> str:
    """Return `text` with words in the place of all punctuation: rock-and-roll is three words, but
    the full stops of U.S. stand between no words.
    """
    without = _INITIALS.sub("", text).translate(_PUNCTUATION)
    return text if without == text else _collapse_spaces(without)


def _strip_final_stop(text: str) -> str:
    return text.rstrip(_BLANK + _FINAL_STOPS)


def _strip_articles(text: str) -> str:
    without = _ENGLISH_ARTICLES.sub(" ", text)
    return text if without == text else _collapse_spaces(without)


def _strip_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    stripped = "".join(c for c in decomposed if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", stripped)


def _strip_markup(text: str) -> str:
    return text.strip(_BLANK + _MARKUP)


def _strip_markup_and_stop(text: str) -> str:
    """Return `text` without markup and final stops in any order, as of “**Paris.**!”, in one go:
    to take them away in turn would take time with the square of their number.
    """
    return text.rstrip(_BLANK + _MARKUP + _FINAL_STOPS).lstrip(_BLANK + _MARKUP)


STEPS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "trim": _trim,
        "nfc": _compose_unicode,
        "nfkc": _compatibility_form,
        "case": _fold_case,
        "accents": _strip_accents,
        "markup": _strip_markup,
        "final_stop": _strip_final_stop,
        "punctuation": _strip_punctuation,
        "articles": _strip_articles,
        "whitespace": _collapse_spaces,
        "no_whitespace": _remove_spaces,
    }
)
"""Every step by name. They are applied again and again until nothing changes, so that the order in
which they are listed does not matter."""

DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "trim": "leave out spaces and line ends around the text",
        "nfc": "one spelling for composed characters (Unicode NFC)",
        "nfkc": "one spelling for full-width, circled and ligature characters (Unicode NFKC)",
        "case": "ignore upper and lower case",
        "accents": "ignore accents",
        "markup": "leave out asterisks, backticks and quotation marks around the text",
        "final_stop": "leave out a full stop or exclamation mark at the end",
        "punctuation": "ignore all punctuation",
        "articles": "ignore the English articles a, an, the",
        "whitespace": "take any run of spaces and line ends as one space",
        "no_whitespace": "ignore all spaces and line ends",
    }
)

DEFAULT_STEPS = ("trim", "nfc")


class UnknownStep(ValueError):
    """A normalisation that does not exist; `step` is its name."""

    def __init__(self, step: str) -> None:
        super().__init__(f"{step!r} is no normalisation; there are {', '.join(STEPS)}")
        self.step = step


def normaliser(steps: Sequence[str]) -> Callable[[str], str]:
    """Return a function that applies the named steps until nothing changes, in linear time.

    A step that would leave nothing of a text leaves it as it is: without its articles, “A” is no
    answer. Only a blank text becomes an empty one.
    """
    for step in steps:
        if step not in STEPS:
            raise UnknownStep(step)
    chosen = [function for name, function in STEPS.items() if name in steps]
    if "markup" in steps and "final_stop" in steps:
        chosen.append(_strip_markup_and_stop)

    def normalise(text: str) -> str:
        if is_blank(text):
            return ""
        for _ in range(_MAX_PASSES):
            before = text
            for function in chosen:
                changed = function(text)
                text = text if is_blank(changed) else changed
            if text == before:
                break
        return text

    return normalise


def emptying_step(steps: Sequence[str], text: str) -> str | None:
    """Return the first of the steps that would leave nothing of a text that is not blank."""
    if is_blank(text):
        return None
    normalised = normaliser(steps)(text)
    for name, function in STEPS.items():
        if name in steps and is_blank(function(normalised)):
            return name
    return None


def is_blank(text: str) -> bool:
    return not text.strip(_BLANK)


def are_equal(one: str, other: str) -> bool:
    """Return whether two normalised texts are equal; blank ones never are."""
    return one == other and not is_blank(one)
