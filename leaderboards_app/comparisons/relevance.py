"""A difference beside the smallest one that its board's author takes to matter: words and band."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from plumbmark.scoring.comparison import PairResult
from plumbmark.scoring.relevance import is_inside_band, is_practically_equal
from plumbmark.web.numbers import format_size_with_unit

_ROOM = 1.1
"""The drawing is that much wider than what it shows."""


@dataclass(frozen=True, slots=True)
class BandDrawing:
    """Places from left to right, 0 to 100, with no difference at 50."""

    band_left: float
    band_width: float
    low: float | None
    high: float | None
    value: float


@dataclass(frozen=True, slots=True)
class Relevance:
    """The verdict on the size of a difference. It says nothing about a test."""

    is_practically_equal: bool
    """The estimate of the difference is smaller than the smallest that matters."""
    is_inside: bool
    """So is every difference within the interval."""
    smallest: str
    text: str
    drawing: BandDrawing


def relevance_of(
    result: PairResult, metric: Mapping[str, Any], smallest: float | None
) -> Relevance | None:
    """Judge the size of a difference; None where the author states no smallest one, or the two
    have too little in common.
    """
    if smallest is None or result.difference is None:
        return None
    is_equal = is_practically_equal(result.difference, smallest)
    is_inside = is_equal and is_inside_band(result.low, result.high, smallest)
    facts = {
        "smallest": format_size_with_unit(smallest, metric),
        "size": format_size_with_unit(result.difference, metric),
    }
    return Relevance(
        is_equal,
        is_inside,
        facts["smallest"],
        _explain(is_equal, is_inside, is_significant=result.is_significant) % facts,
        _draw(result.difference, result.low, result.high, smallest),
    )


def _explain(is_equal: bool, is_inside: bool, *, is_significant: bool) -> str:
    if not is_equal:
        return _(
            "The author of this board calls differences below %(smallest)s practically equal. "
            "This one, %(size)s, is not below it."
        )
    if is_inside:
        return _(
            "Practically equal: the author of this board takes differences below %(smallest)s not "
            "to matter. This one, %(size)s, is below it, and so is its whole interval."
        )
    if is_significant:
        return _(
            "Practically equal, although the test finds a difference: the author of this board "
            "takes differences below %(smallest)s not to matter, and this one is %(size)s. Its "
            "interval reaches beyond, so a larger one is not ruled out."
        )
    return _(
        "Practically equal by the estimate: the author of this board takes differences below "
        "%(smallest)s not to matter, and this one is %(size)s. Its interval reaches beyond, so a "
        "larger one is not ruled out."
    )


def _draw(difference: float, low: float | None, high: float | None, smallest: float) -> BandDrawing:
    shown = [abs(one) for one in (difference, low, high) if one is not None]
    half = max(smallest, *shown) * _ROOM

    def place(value: float) -> float:
        return round(50 + 50 * value / half, 2)

    return BandDrawing(
        band_left=place(-smallest),
        band_width=round(place(smallest) - place(-smallest), 2),
        low=None if low is None else place(low),
        high=None if high is None else place(high),
        value=place(difference),
    )
