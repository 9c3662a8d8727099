"""Suggestions for names that were mistyped."""

import difflib
from collections.abc import Iterable
from itertools import islice

# Comparing names takes time in the square of their length.
_COMPARED = 60
_MAX_COMPARED = 200


def suggest_name(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'question'?`, empty where nothing known is near."""
    # Names that differ in case alone are the same to the eye, so they come first.
    by_case = {one[:_COMPARED].casefold(): one for one in islice(known, _MAX_COMPARED)}
    close = difflib.get_close_matches(name[:_COMPARED].casefold(), by_case, n=1, cutoff=0.6)
    return f"; did you mean {by_case[close[0]]!r}?" if close else ""
