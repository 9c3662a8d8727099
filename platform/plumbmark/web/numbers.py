"""Numbers as pages write them: the same everywhere."""

import math
from collections.abc import Callable, Mapping
from typing import Any


def is_share(metric: Mapping[str, Any]) -> bool:
    """Return whether the metric is written in percent: from 0 to 1 with the unit `share`."""
    return (metric["unit"], metric["lower"], metric["upper"]) == ("share", 0, 1)


def format_score(value: float | None, metric: Mapping[str, Any]) -> str:
    """Format a score on its metric's scale: `56.25 %`, or four significant digits. Empty for
    None.
    """
    return "" if value is None else writers_of(metric)[0](value)


def format_score_short(value: float | None, metric: Mapping[str, Any]) -> str:
    """Format a score with one place: for the ends of intervals and for task columns."""
    return "" if value is None else writers_of(metric)[1](value)


Writer = Callable[[float], str]


_SHARE: tuple[Writer, Writer] = (
    lambda value: f"{100 * value:.2f} %",
    lambda value: f"{100 * value:.1f}",
)
_OTHER: tuple[Writer, Writer] = (lambda value: f"{value:.4g}", lambda value: f"{value:.3g}")


def writers_of(metric: Mapping[str, Any]) -> tuple[Writer, Writer]:
    """Return `format_score` and `format_score_short` of one metric, for the many values of a
    table.
    """
    return _SHARE if is_share(metric) else _OTHER


def format_dollars_short(nanodollars: int | None) -> str:
    """Format as `$0.00021`: two significant digits below a cent, else cents."""
    if nanodollars is None:
        return ""
    if nanodollars == 0:
        return "$0"
    amount = nanodollars / 1e9
    if amount >= 1:
        return f"${amount:,.2f}"
    places = 1 - math.floor(math.log10(amount))
    return f"${amount:.{min(max(places, 2), 9)}f}"


def format_rate(value: float) -> str:
    """Return a rate with three digits that count, and never as a power of ten."""
    if value >= 100:
        return f"{value:,.0f}"
    digits = 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def format_seconds_short(milliseconds: int | None) -> str:
    """Format as `0.34 s` or `2.1 s`: for columns, where a single unit compares at a glance."""
    if milliseconds is None:
        return ""
    return f"{milliseconds / 1000:.{2 if milliseconds < 1000 else 1}f} s"


def format_seconds(milliseconds: int | None) -> str:
    """Format as `340 ms` or `2.1 s`."""
    if milliseconds is None:
        return ""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
