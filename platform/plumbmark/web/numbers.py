"""Numbers as pages write them: the same everywhere."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _


def is_share(metric: Mapping[str, Any]) -> bool:
    """Return whether differences of the metric are written in points of a hundred: shares in
    percent, and points of a scale from 0 to 1.
    """
    name = format_name(metric)
    return name == "percent" or (name == "points" and _is_unit_scale(metric))


def format_name(metric: Mapping[str, Any]) -> str:
    """Return the number format of a metric, one of `scoring.metrics.NUMBER_FORMATS`: what the
    author chose, otherwise percent for a share from 0 to 1, and plain for all others.
    """
    chosen: str | None = metric.get("format")
    if chosen:
        return chosen
    return "percent" if metric["unit"] == "share" and _is_unit_scale(metric) else "plain"


def _is_unit_scale(metric: Mapping[str, Any]) -> bool:
    return (metric["lower"], metric["upper"]) == (0, 1)


def format_score(value: float | None, metric: Mapping[str, Any]) -> str:
    """Format a score as its metric says: `56.25 %`, `$1.20`, `8.25/10`; four significant digits
    where it says nothing. Empty for None.
    """
    return "" if value is None else writers_of(metric)[0](value)


def format_score_short(value: float | None, metric: Mapping[str, Any], *, extra: int = 0) -> str:
    """Format a score with one place, or `extra` more: for the ends of intervals and for task
    columns.
    """
    if value is None:
        return ""
    if not extra:
        return writers_of(metric)[1](value)
    if format_name(metric) in {"percent", "points"}:
        factor = 100 if format_name(metric) == "percent" or _is_unit_scale(metric) else 1
        return f"{factor * value:,.{1 + extra}f}"
    return f"{value:.{3 + extra}g}"


Writer = Callable[[float], str]


def format_interval(low: float | None, high: float | None, write: Writer) -> str:
    """Format an interval: `34.1 to 58.2`. Empty for None."""
    if low is None or high is None:
        return ""
    return f"{write(low)} {_('to')} {write(high)}"


_SHARE: tuple[Writer, Writer] = (
    lambda value: f"{100 * value:.2f} %",
    lambda value: f"{100 * value:.1f}",
)
_OTHER: tuple[Writer, Writer] = (lambda value: f"{value:.4g}", lambda value: f"{value:.3g}")


def writers_of(metric: Mapping[str, Any]) -> tuple[Writer, Writer]:
    """Return `format_score` and `format_score_short` of one metric, for the many values of a
    table.
    """
    name = format_name(metric)
    if name == "percent":
        return _SHARE
    if name == "points":
        return _points_writers(100 if _is_unit_scale(metric) else 1)
    if name == "dollars":
        return _write_dollars, _write_dollars
    if name == "seconds":
        return lambda value: f"{_trim(value, 2)} s", lambda value: _trim(value, 1)
    if name == "fraction" and metric["upper"] is not None:
        end = f"/{metric['upper']:g}"
        return lambda value: _trim(value, 2) + end, lambda value: _trim(value, 1)
    return _OTHER


def _points_writers(factor: int) -> tuple[Writer, Writer]:
    word = _("points")
    return (
        lambda value: f"{factor * value:,.2f} {word}",
        lambda value: f"{factor * value:,.1f}",
    )


def _write_dollars(value: float) -> str:
    """Write an amount that may be negative: cents, and two significant digits below a cent."""
    text = format_dollars_short(round(abs(value) * 1e9))
    return f"\N{MINUS SIGN}{text}" if value < 0 and text != "$0" else text


def _trim(value: float, places: int) -> str:
    """Write a number with at most so many decimal places, and two significant digits of one that
    these would make 0.
    """
    if value and abs(value) < 10.0**-places:
        return f"{value:.2g}"
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_difference(value: float | None, metric: Mapping[str, Any]) -> str:
    """Format a difference with its sign: `+1.25` points of a share, or three significant digits."""
    if value is None:
        return "–"
    if is_share(metric):
        text = f"{100 * value:+.2f}"
    elif format_name(metric) == "dollars":
        text = f"{'-' if value < 0 else '+'}{_write_dollars(abs(value))}"
    else:
        text = f"{value:+.3g}"
    if not text.strip("+-0.$"):
        text = text[1:]
    # A true minus sign, which screen readers say.
    return text.replace("-", "\N{MINUS SIGN}")


def format_size(value: float | None, metric: Mapping[str, Any]) -> str:
    """Format the size of a difference, without a sign."""
    return format_difference(value, metric).lstrip("+")


def unit_of_differences(metric: Mapping[str, Any]) -> str:
    """Return the unit of differences, as a word; empty where the number has it."""
    name = format_name(metric)
    if name in {"percent", "points"}:
        return _("points")
    if name == "seconds":
        return _("seconds")
    return "" if name == "dollars" else str(metric["name"])


def format_size_with_unit(value: float, metric: Mapping[str, Any]) -> str:
    """Format the size of a difference with its unit: `2.00 points`."""
    return f"{format_size(value, metric)} {unit_of_differences(metric)}".strip()


def format_dollars_short(nanodollars: int | None, *, extra: int = 0) -> str:
    """Format as `$0.00021`: two significant digits below a cent, else cents. `extra` digits more
    are written.
    """
    if nanodollars is None:
        return ""
    if nanodollars == 0:
        return "$0"
    amount = nanodollars / 1e9
    if amount >= 1:
        return f"${amount:,.{2 + extra}f}"
    places = 1 - math.floor(math.log10(amount))
    return f"${amount:.{min(max(places, 2) + extra, 9)}f}"


def format_rate(value: float) -> str:
    """Return a rate with three digits that count, and never as a power of ten."""
    if value >= 100:
        return f"{value:,.0f}"
    digits = 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def format_seconds_short(milliseconds: float | None, *, extra: int = 0) -> str:
    """Format as `0.34 s` or `2.1 s`, with `extra` digits more: for columns, where a single unit
    compares at a glance.
    """
    if milliseconds is None:
        return ""
    return f"{milliseconds / 1000:.{(2 if milliseconds < 1000 else 1) + extra}f} s"


def format_seconds(milliseconds: int | None) -> str:
    """Format as `340 ms` or `2.1 s`."""
    if milliseconds is None:
        return ""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
