"""Reading the verdict of a judge's reply: a word or a grade behind a label that only it knows.

Judges decorate: with markup, brackets, quotation marks and characters that nobody sees; they put
the word on a line of its own, or a few words around it. A verdict that cannot be read for sure is
none.
"""

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal

_MAX_REST = 400
"""Characters behind a label that are read; a verdict is short."""

_LATEX = re.compile(
    r"\\(?:boxed|fbox|text(?:bf|it|rm|sf)?|math(?:bf|rm|it|sf)|quad|left|right)(?![a-z])|\\[()\[\],;!]"
)
_FRACTION = re.compile(r"\\[dt]?frac\s?\{(?P<above>[0-9.,]+)\}\s?\{(?P<below>[0-9.,]+)\}")
_DECORATION = re.compile(r"[*_`~#$\"'“”„‘’«»‹›「」『』【】<>(){}\[\]|\\]+")
_TAG = re.compile(
    r"</[A-Za-z]{1,20}>|<(?:b|i|u|em|strong|span|p|br|code|answer|verdict|score|grade)\s?/?>",
    re.IGNORECASE,
)
_LINK = re.compile(r"\s*(?:is\b|[:=]|[-–—→>]+(?=\s))*\s*")
_TEMPLATE = re.compile(r"\s*(?:correct, or incorrect|first, or second, or tie|a number from\b.*)")

_SUBJECT = r"""(?:
    (?:my|the|this|final|overall)\s | (?:candidate|model|student)(?:'?s)?\s
    | (?:answer|response|output|reply|verdict|judge?ment|it|that|this)\s? (?:is|was|:|=)?\s
    | (?:clearly|fully|entirely|completely|definitely|factually|indeed)\s
)"""
_AFTER = r"(?P<after> \s*$ | \s?[.,;:!–—-].* | \s(?:because|since|as|given)\b.* )"
_WORDS = re.compile(rf"(?:{_SUBJECT}){{0,5}} (?P<word>[a-z]+) {_AFTER}", re.VERBOSE)
_COMPARED = re.compile(
    rf"(?:the\s|answer\s){{0,2}} (?:a\s)? (?P<word>first|second|tie|draw|equal)"
    rf"(?:\s(?:answer|one|response))? (?:\s(?:is|was)\sbetter)? {_AFTER}",
    re.VERBOSE,
)
_GRADE = re.compile(
    r"""
    (?: (?:my|the|final|overall)\s
      | (?:score|grade|rating|mark|points|value)\s? (?:is|of|[:=])?\s? ){0,4}
    (?P<grade> [-+]? [0-9]+ (?:[.,][0-9]+)? )
    (?: \s?(?P<percent>%)
      | \s?(?:/|\bout\sof\b|\bof\b|\bvon\b|\bsur\b|\bde\b)\s? (?P<most>[0-9]+(?:[.,][0-9]+)?) )?
    (?: \s?(?:points?|pts|stars?) )?
    (?P<after> \s*$ | [.,;:!]?\s.* | [.;:!]\s*$ )
    """,
    re.VERBOSE,
)
_CORRECT: Mapping[str, float] = {"correct": 1.0, "right": 1.0, "incorrect": 0.0, "wrong": 0.0}
_DOUBT = re.compile(r"\b(?:but|or|not|though|although|however|partly|partially|un[a-z]*)\b")
_DIGITS = re.compile(r"[0-9]")


def read_word(text: str, label: str) -> float | None:
    """Return 1 for correct, 0 for incorrect, None without a verdict that can be read for sure."""
    last = _last_said(text, label)
    match = _WORDS.fullmatch(last)
    if match is None or match["word"] not in _CORRECT:
        return None
    other = [word for word in _CORRECT if _CORRECT[word] != _CORRECT[match["word"]]]
    after = match["after"]
    if _DOUBT.search(after) or any(re.search(rf"\b{word}\b", after) for word in other):
        return None
    return _CORRECT[match["word"]]


def read_preference(text: str, label: str) -> str | None:
    """Return `first`, `second` or `tie`; None without a verdict that can be read for sure."""
    match = _COMPARED.fullmatch(_last_said(text, label))
    if match is None or _DOUBT.search(match["after"]):
        return None
    word = match["word"]
    if any(other != word and other in match["after"] for other in ("first", "second", "tie")):
        return None
    return word if word in {"first", "second"} else "tie"


def read_grade(text: str, label: str, lower: float, upper: float) -> float | None:
    """Return the grade on a scale; None without one that can be read for sure, or beyond it.

    “4/5” and “4 out of 5” are grades on a scale that ends at 5, and “80%” on one that ends at 100.
    """
    match = _GRADE.fullmatch(_last_said(text, label))
    if match is None or _DIGITS.search(match["after"]) or _DOUBT.search(match["after"]):
        return None
    most = 100.0 if match["percent"] else match["most"] and _number(match["most"], upper)
    if most and most != upper:
        return None
    grade = _number(match["grade"], upper)
    return grade if lower <= grade <= upper else None


def _number(digits: str, upper: float) -> float:
    """Return a number with either decimal sign; 1,000 is a thousand where the scale goes so far."""
    whole, comma, rest = digits.partition(",")
    if comma and len(rest) == 3 and upper >= 1000 and 0 < len(whole.lstrip("+-0")) <= 3:
        return float(Decimal(whole + rest))
    return float(Decimal(digits.replace(",", ".")))


def _last_said(text: str, label: str) -> str:
    """Return what the last label introduces, in plain lower-case words; empty where nothing.

    The form that the judge was shown, copied, introduces nothing.
    """
    plain = unicodedata.normalize("NFKC", _without_unseen(text))
    places = re.finditer(rf"(?<![\w-]){re.escape(label)}(?![\w-])", plain, re.IGNORECASE)
    for place in reversed(list(places)):
        rest = plain[place.end() : place.end() + _MAX_REST]
        line = next((one for one in map(_plain_words, rest.split("\n")[:4]) if one), "")
        if not _TEMPLATE.fullmatch(line):
            return line
    return ""


def _plain_words(line: str) -> str:
    line = _FRACTION.sub(r"\g<above>/\g<below>", line)
    line = _DECORATION.sub(" ", _LATEX.sub(" ", _TAG.sub(" ", line)))
    line = "".join(one for one in line if unicodedata.category(one) not in {"So", "Sk", "Mn"})
    line = " ".join(line.translate(_MINUS).split()).lower()
    line = re.sub(r"(?<=\d) ?, ?(?=\d)", ",", line)
    return line[_LINK.match(line).end() :] if _LINK.match(line) else line  # type: ignore[union-attr]


def _without_unseen(text: str) -> str:
    return "".join(one for one in text if unicodedata.category(one) != "Cf")


_MINUS = dict.fromkeys(map(ord, "\u2212\u2010\u2011\ufe63"), "-")
