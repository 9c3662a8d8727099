"""The pre-flight in words: each number with its range, and where it comes from."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plumbmark.gateway.budget.money import dollars
from plumbmark.scoring.preflight import LikelyTotal
from plumbmark.web.numbers import format_size_with_unit
from tasks_app.models import TaskVersion
from tasks_app.preflight.observations import Observations
from tasks_app.preflight.queries import ModelPreflight
from tasks_app.scorings.metric_documents import metric_document

_MINUTE, _HOUR = 60, 3600


def preflight_context(one: ModelPreflight, version: TaskVersion) -> dict[str, Any]:
    """Return a model's pre-flight as templates show it. A number that is not known is empty."""
    deployment = one.contender.deployment
    assert deployment is not None
    metric = metric_document(version)
    found = one.discernment
    return {
        "slug": deployment.slug,
        "refusal": one.refusal,
        "bound": _bound(one),
        "source": _source(one.observed) if one.observed else "",
        "source_run": one.observed.run if one.observed else None,
        "is_probe_live": one.is_probe_live,
        "probe": one.probe,
        "calls": _range(one.calls, _count),
        "input_tokens": _range(one.input_tokens, _count),
        "output_tokens": _range(one.output_tokens, _count),
        "cost": _range(one.cost, lambda value: dollars(round(value))),
        "seconds": _range(one.seconds, _duration),
        "detectable": ""
        if found.detectable is None
        else format_size_with_unit(found.detectable, metric),
        "at_worst": "" if found.at_worst is None else format_size_with_unit(found.at_worst, metric),
        "needed": found.needed,
        "items": version.item_count,
    }


def _bound(one: ModelPreflight) -> str:
    bound = one.bound
    if bound is None:
        return ""
    if not bound.is_metered:
        return _("not metered")
    if not bound.is_priced:
        return _("no price is known")
    return dollars(bound.total) if bound.total else _("nothing")


def _source(observed: Observations) -> str:
    count = len(observed.samples)
    run = observed.run
    if observed.source == "probe":
        text = ngettext(
            "from a probe of %(count)d item",
            "from a probe of %(count)d items",
            count,
        ) % {"count": count}
    elif observed.source == "run":
        text = ngettext(
            "from %(count)d answer of an earlier run of this model, run %(run)d",
            "from %(count)d answers of an earlier run of this model, run %(run)d",
            count,
        ) % {"count": count, "run": run.pk}
    else:
        text = _(
            "a guess, not a measurement: the tokens of another model, %(label)s in run %(run)d, at "
            "this model's price"
        ) % {"label": run.contender.label, "run": run.pk}
    if observed.unanswered:
        text += "; " + ngettext(
            "%(count)d item got no answer", "%(count)d items got no answer", observed.unanswered
        ) % {"count": observed.unanswered}
    return text


def _range(total: LikelyTotal | None, write: Callable[[float], str]) -> dict[str, str] | None:
    if total is None:
        return None
    low = "" if total.low is None else write(total.low)
    high = "" if total.high is None else write(total.high)
    return {"mean": write(total.mean), "low": low, "high": high}


def _count(value: float) -> str:
    return f"{round(value):,}"


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return _("%(count).1f s") % {"count": seconds}
    if seconds < _HOUR:
        return _("%(count).1f min") % {"count": seconds / _MINUTE}
    return _("%(count).1f h") % {"count": seconds / _HOUR}
