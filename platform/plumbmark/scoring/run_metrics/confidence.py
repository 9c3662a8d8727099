"""Reading the confidence that a model states in its output."""

import math

from plumbmark.scoring.scorers.patterns import PLAIN, last_match

CONFIDENCE_PATTERN = (
    r"(?i)confiden(?:ce|t)\W{0,12}(?:\w{1,10}\W{1,4}){0,3}?([0-9]+(?:\.[0-9]+)?\s?%?)"
)
"""Finds `Confidence: 85 %`, `"confidence": 0.85` and `I am confident: 85%`."""


def read_confidence(output: str, pattern: str) -> float | None:
    """Return the confidence of the last match as a share; None where there is none.

    A number with a percent sign, or above 1 and up to 100, is in percent.
    """
    found = last_match(pattern, PLAIN, output)
    text = (found.group(1) or "") if found is not None else ""
    number = text.strip().rstrip("%").strip()
    try:
        value = float(number)
    except ValueError:
        return None
    if text.strip().endswith("%") or 1 < value <= 100:
        value /= 100
    return value if math.isfinite(value) and 0 <= value <= 1 else None
