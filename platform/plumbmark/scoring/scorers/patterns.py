"""Author-written regular expressions, on RE2 only: linear time whatever the pattern."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

MAX_PATTERN_LENGTH = 4096
_MEMORY = 8 << 20
_WINDOW = 10_000


@dataclass(frozen=True, slots=True)
class Flags:
    ignore_case: bool = False
    dot_all: bool = False


PLAIN = Flags()


class PatternError(ValueError):
    """A pattern that RE2 does not take; the message is for the author."""


@lru_cache(maxsize=256)
def compile_pattern(pattern: str, flags: Flags = PLAIN) -> Any:
    """Compile a pattern; raise `PatternError` if it is too long, too large or not valid for RE2."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise PatternError(
            f"the pattern has {len(pattern):,} characters and may have {MAX_PATTERN_LENGTH:,}"
        )
    return _compile(pattern, flags)


def _compile(pattern: str, flags: Flags) -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    options.case_sensitive = not flags.ignore_case
    options.dot_nl = flags.dot_all
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise PatternError(
            f"the pattern is not valid for RE2: {text} "
            "(RE2 has no look-around and no back-references, and repeats at most 1,000 times)"
        ) from None


@lru_cache(maxsize=256)
def _with_greedy_start(pattern: str, flags: Flags) -> Any:
    return _compile(f"(?s:.*)({pattern})", flags)


def last_match(pattern: str, flags: Flags, text: str) -> Any:
    """Return the last match of `pattern`, or None.

    One search is linear, but a search from every match on is not: `x*y|x` reads a long row of x to
    its end for each of them. So in a long text the latest place at which a match can start is found
    in one pass, and only a window around it is gone through match by match. A match longer than the
    window is found cut.
    """
    expression = compile_pattern(pattern, flags)
    if len(text) <= 2 * _WINDOW:
        return _last_of(expression.finditer(text))
    reached = _with_greedy_start(pattern, flags).match(text)
    if reached is None:
        return None
    latest = reached.start(1)
    low, high = max(0, latest - _WINDOW), min(len(text), latest + _WINDOW)
    return _last_of(expression.finditer(text, low, high))


def _last_of(matches: Any) -> Any:
    last = None
    for match in matches:
        # An empty match at the very end would hide the last one that found something.
        if match.end() > match.start() or last is None:
            last = match
    return last
