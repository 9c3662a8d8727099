"""Comparisons in words and numbers, as pages say them."""

import math
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from leaderboards_app.comparisons.board_rows import BoardVerdict
from leaderboards_app.comparisons.relevance import relevance_of
from plumbmark.scoring.comparison import PairResult
from plumbmark.web.numbers import format_difference, format_size, unit_of_differences

LETTERS = "ABCDEF"


def format_p(value: float | None) -> str:
    """Format a p-value: three places, or that it is smaller."""
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def method_of(result: PairResult) -> str:
    """Return the name of the test and of the interval."""
    words = {
        "mcnemar": _("mid-p McNemar, with Newcombe's interval"),
        "clustered-t": _("paired Student's t over items or clusters"),
        "weighted-t": _("paired t of the weighted means over all tasks"),
        "sign": _("sign test: every cluster differs by the same amount"),
        "none": _("none: too few items in common"),
    }
    return words[result.method]


def pair_context(
    result: PairResult, metric: Mapping[str, Any], smallest: float | None = None
) -> dict[str, Any]:
    """Return a pair as templates show it; `smallest` is the smallest difference that matters."""
    interval = ""
    if result.low is not None and result.high is not None:
        interval = _("%(low)s to %(high)s") % {
            "low": format_difference(result.low, metric),
            "high": format_difference(result.high, metric),
        }
    return {
        "result": result,
        "relevance": relevance_of(result, metric, smallest),
        "difference": format_difference(result.difference, metric),
        "interval": interval,
        "p": format_p(result.p_value),
        "method": method_of(result),
        "detectable": format_size(result.detectable, metric),
        "unit": unit_of_differences(metric),
    }


def explain_pair(result: PairResult, metric: Mapping[str, Any], names: tuple[str, str]) -> str:
    """Return in words what the test of a pair says, taken alone, and what it could have found."""
    if result.p_value is None:
        return _("They cannot be told apart: there are too few items that both have scores on.")
    shown = pair_context(result, metric)
    facts = {
        "first": names[0],
        "second": names[1],
        "interval": shown["interval"],
        "unit": shown["unit"],
        "n": f"{result.n_common:,}",
        "size": shown["detectable"],
        "p": shown["p"],
    }
    if result.is_significant:
        is_above = (result.difference or 0) > 0
        text = (
            _("Taken alone, %(first)s scores higher than %(second)s (p %(p)s).")
            if is_above
            else _("Taken alone, %(first)s scores lower than %(second)s (p %(p)s).")
        )
        text %= {**facts, "p": facts["p"] if facts["p"].startswith("<") else f"= {facts['p']}"}
    elif not shown["interval"]:
        text = _("The test finds no difference.")
    elif result.low is not None and result.high is not None and result.low <= 0 <= result.high:
        text = _(
            "They are a tie: the interval of the difference, %(interval)s %(unit)s, contains 0."
        )
        text %= facts
    else:
        # The interval and the test are two methods, which may part near the limit.
        text = _("They are a tie: the test finds no difference (p = %(p)s).") % facts
    if result.detectable is not None:
        text += (
            " "
            + _(
                "With %(n)s items in common, a true difference of %(size)s %(unit)s is found in "
                "four of five comparisons; a smaller one often cannot be told from none."
            )
            % facts
        )
    return text


def explain_verdict(result: PairResult, verdict: BoardVerdict) -> str:
    """Return in words what the board says of a pair, beside the test taken alone."""
    facts = {"pairs": f"{verdict.pairs:,}", "limit": format_limit(verdict.limit)}
    if verdict.is_told_apart:
        return (
            _(
                "The board tells them apart: adjusted for all of its %(pairs)s pairs, the "
                "difference is still found."
            )
            % facts
        )
    if result.is_significant:
        return (
            _(
                "The board leaves them a tie: it tests %(pairs)s pairs together, and takes a "
                "difference for proven where p is at most %(limit)s."
            )
            % facts
        )
    return (
        _(
            "The board leaves them a tie too: among its %(pairs)s pairs, p would have to be at "
            "most %(limit)s."
        )
        % facts
    )


def format_limit(value: float) -> str:
    """Format a limit of p-values: two digits that count, and never as a power of ten."""
    places = 1 - math.floor(math.log10(value)) if 0 < value < 0.1 else 2
    return f"{value:.{min(places, 12)}f}"
