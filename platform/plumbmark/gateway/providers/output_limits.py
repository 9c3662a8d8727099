"""How long an answer may be, out of a refusal that says so.

A limit of the answer above what the model gives is no fault of the question: providers refuse it in
words about tokens and contexts, some of which also stand where the question is too long.
"""

import re
from dataclasses import dataclass

_NUMBER = r"`?([\d,]*\d)`?"
_FIELD = r"max_(?:completion_|output_|new_)?tokens"
_OF_FIELD = (
    r"(?<!\+ `)\bmax(?:(?:imum)?[_ ](?:completion[_ ]|output[_ ]|new[_ ])?t|OutputT)okens\b"
    r"(?:(?!context)[^.\d+]){0,60}?"
)
_BEFORE_MAXIMUM = (
    r"(?:less than or equal to|at most|no more than|<=|(?:cannot|must not|may not) exceed"
    r"|max(?:imum)?(?: allowed)?(?: value| limit)?(?: is| of|:)) "
)


@dataclass(frozen=True, slots=True)
class OutputLimit:
    """A refused limit of the answer."""

    maximum: int | None
    """The most that the provider would accept; None where it does not say."""
    is_of_model: bool = False
    """The maximum holds for every question; otherwise it is what this one leaves of the context."""


_OF_MODEL = [
    (re.compile(pattern.replace("{n}", _NUMBER), re.IGNORECASE), less)
    for pattern, less in (
        (r"supports at most {n} (?:completion|output) tokens", 0),
        (r"range of max_tokens (?:is|should be) \[\d+, ?{n}\]", 0),
        (r"max_tokens: [\d,]+ > {n}, which is the maximum", 0),
        (
            r"maxOutputTokens value of [\d,]+ but the supported range .{0,40} to {n} \(exclusive\)",
            1,
        ),
        (
            r"(?<!\+ `)"
            + _FIELD
            + r"`? (?:value )?(?:must be|should be|cannot be more than|cannot exceed) "
            r"(?:less than or equal to |at most |no more than |<= )?{n}",
            0,
        ),
        (_FIELD + r"`? (?:value )?must be between \d+ and {n}", 0),
        (r"maximum tokens you requested exceeds the model limit of {n}", 0),
        (r"max_tokens ?参数非法.{0,12}\[\d+, ?{n}\]", 0),
        (r"max_tokens=\d+ cannot be greater than max_model_len=(?:max_total_tokens=)?{n}", 0),
        (r"'" + _FIELD + r"': integer above maximum value\. Expected a value <= {n}", 0),
        # The general forms: the field, what was asked for, and the most that may be.
        (_OF_FIELD + r"\[\d+, ?{n}\]", 0),
        (
            _OF_FIELD + r"[\d,]+\)? (?:>|(?:is |are )?(?:greater|larger|more|higher) than"
            r"|(?:exceeds|is above|is over)) (?:[a-z'’]+ ){0,7}{n}",
            0,
        ),
        (_OF_FIELD + _BEFORE_MAXIMUM + r"{n}", 0),
    )
]
_OF_QUESTION = [
    (re.compile(pattern.replace("{n}", _NUMBER), re.IGNORECASE), context, tokens, less)
    for pattern, context, tokens, less in (
        # Which of the numbers is the context, and which the question; what must stay free.
        (r"context length is {n} tokens and your request has {n} input tokens", 1, 2, 0),
        (r"exceed context limit: {n} \+ [\d,]+ > {n}", 2, 1, 0),
        (r"must be <= {n}\. Given: {n} `inputs` tokens and", 1, 2, 0),
        (
            r"context length of {n} tokens\. You requested a total of [\d,]+ tokens: {n} tokens "
            r"from the input messages",
            1,
            2,
            1,
        ),
        (
            r"context length is {n} tokens\. However, you requested [\d,]+ output tokens and your "
            r"prompt contains {n} input tokens",
            1,
            2,
            0,
        ),
    )
]
_IN_PARTS = re.compile(
    rf"context length is {_NUMBER} tokens\. However, you requested (?:about )?[\d,]+ tokens "
    r"\(([^)]*)\)",
    re.IGNORECASE,
)
_PART = re.compile(r"([\d,]*\d) (?:of |in |from )?(?:the |your )?(\w+)")
_OF_ANSWER = {"completion", "output"}
_AT_LEAST = re.compile(
    r"you requested ([\d,]*\d) output tokens and your prompt contains at least", re.IGNORECASE
)
_PARAMETER = re.compile(rf"\b{_FIELD}\b|\bmaxOutputTokens\b", re.IGNORECASE)
_STATED_MAXIMUM = re.compile(_BEFORE_MAXIMUM + _NUMBER, re.IGNORECASE)


def read_output_limit(message: str, words: str) -> OutputLimit | None:
    """Return the limit that a refusal is about; None where it is about something else, as where the
    question alone is too long.

    `words` are the error's codes, its type and the parameter that it names.
    """
    for pattern, context, tokens, less in _OF_QUESTION:
        if found := pattern.search(message):
            return _left(_number(found[context]), _number(found[tokens]) + less)
    for pattern, less in _OF_MODEL:
        if found := pattern.search(message):
            maximum = _number(found[1]) - less
            return OutputLimit(maximum if maximum > 0 else None, is_of_model=maximum > 0)
    if found := _IN_PARTS.search(message):
        parts = [(_number(number), name) for number, name in _PART.findall(found[2])]
        if any(name in _OF_ANSWER for _, name in parts):
            tokens = sum(number for number, name in parts if name not in _OF_ANSWER)
            return _left(_number(found[1]), tokens)
    if found := _AT_LEAST.search(message):
        # The host counts the question no further than to where it no longer fits.
        return OutputLimit(None) if _number(found[1]) else None
    if not _PARAMETER.search(words):
        return None
    # The message can be about “a value”, where the field has been named as the parameter.
    most = _STATED_MAXIMUM.search(message)
    return OutputLimit(_number(most[1]), is_of_model=True) if most else OutputLimit(None)


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _left(context: int, tokens: int) -> OutputLimit | None:
    return OutputLimit(context - tokens) if tokens < context else None
