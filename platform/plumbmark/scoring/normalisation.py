"""Named ways of making two spellings of an answer equal before they are compared."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

_SPACES = re.compile(r"\s+")
_ENGLISH_ARTICLES = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)


def _fold_case(text: str) -> str:
    return text.casefold()


def _compatibility_form(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _compose_unicode(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _collapse_spaces(text: str) -> str:
    return _SPACES.sub(" ", text).strip()


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
    return text.translate(_PUNCTUATION)


def _strip_final_stop(text: str) -> str:
    return text.rstrip().rstrip(".!。").rstrip()


def _strip_articles(text: str) -> str:
    return _ENGLISH_ARTICLES.sub(" ", text)


def _strip_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    stripped = "".join(c for c in decomposed if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", stripped)


def _strip_markup(text: str) -> str:
    return text.strip().strip("*_`\"'“”‘’").strip()


STEPS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "trim": str.strip,
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
"""Every step by name, in the order in which they are applied whatever order they are listed in:
`punctuation` replaces characters by spaces, so `whitespace` has to come after it."""

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
    """Return a function that applies the named steps. Each takes linear time."""
    for step in steps:
        if step not in STEPS:
            raise UnknownStep(step)
    chosen = [function for name, function in STEPS.items() if name in steps]

    def normalise(text: str) -> str:
        for function in chosen:
            text = function(text)
        return text

    return normalise
