"""The list of models, and the page of one."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from leaderboards_app.board.rows import format_rank
from leaderboards_app.model_pages.queries import (
    MAX_COUNTED_RUNS,
    ContenderSummary,
    Distribution,
    count_boards,
    count_outcomes,
    filter_models,
    listed_models,
    maker_and_modality_choices,
    model_at,
    price_cards_of,
    public_runs_of,
    results_of,
    returned_ids,
    summarise_contenders,
)
from leaderboards_app.models import ContenderResult
from plumbmark.gateway.budget.money import dollars
from plumbmark.gateway.models import CatalogueModel, PriceCard
from plumbmark.scoring.outcomes import Outcome
from plumbmark.web.numbers import (
    format_dollars_short,
    format_interval,
    format_score,
    format_seconds_short,
    writers_of,
)
from tasks_app.models import Run

_PER_PAGE = 50
MAX_RESULTS = 500
_PRICES = 50
_CHANGES = 50
_ORDERS: Mapping[str, Any] = {
    "name": (F("name").asc(), "pk"),
    "-name": (F("name").desc(), "pk"),
    "maker": ("maker", "name", "pk"),
    "-maker": ("-maker", "name", "pk"),
    "released": (F("released_on").asc(nulls_last=True), "name", "pk"),
    "-released": (F("released_on").desc(nulls_last=True), "name", "pk"),
    "context": (F("context_tokens").asc(nulls_last=True), "name", "pk"),
    "-context": (F("context_tokens").desc(nulls_last=True), "name", "pk"),
}


@require_safe
def model_list(request: HttpRequest) -> HttpResponse:
    """List models. A filter that no model has is shown as it was asked, and finds nothing."""
    makers, modalities = maker_and_modality_choices(to=request.user)
    chosen = {
        "maker": request.GET.get("maker", "")[:80],
        "weights": request.GET.get("weights", "")[:10],
        "modality": request.GET.get("modality", "")[:40],
    }
    if chosen["weights"] not in {"open", "closed"}:
        chosen["weights"] = ""
    models = filter_models(listed_models(to=request.user), **chosen)
    page = Paginator(_sorted(models, request.GET.get("sort", "")), _PER_PAGE).get_page(
        request.GET.get("page")
    )
    boards = count_boards(page.object_list)
    return render(
        request,
        "leaderboards_app/models.html",
        {
            "page": page,
            "rows": [
                {
                    "model": one,
                    "boards": boards.get(one.pk, 0),
                    "context": "" if one.context_tokens is None else f"{one.context_tokens:,}",
                }
                for one in page
            ],
            "makers": makers,
            "modalities": modalities,
            "chosen": chosen,
            "is_filtered": any(chosen.values()),
        },
    )


def _sorted(models: QuerySet[CatalogueModel], sort: str) -> QuerySet[CatalogueModel]:
    return models.order_by(*_ORDERS.get(sort, _ORDERS["maker"]))


@require_safe
def model_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what is known of a model and everything public that was measured of it."""
    model = model_at(slug=slug, to=request.user)
    page = Paginator(list(results_of(model)[:MAX_RESULTS]), _PER_PAGE).get_page(
        request.GET.get("page")
    )
    runs = public_runs_of(model)
    summaries = summarise_contenders(runs)
    return render(
        request,
        "leaderboards_app/model.html",
        {
            "model": model,
            "trail": [
                {"label": _("Models"), "url": reverse("leaderboards:models")},
                {"label": model.name},
            ],
            "facts": _facts(model),
            "page": page,
            "results": [_result_row(result) for result in page],
            "contenders": _contender_rows(summaries),
            "runs": len(runs),
            "failures": _failures(runs),
            "counted_runs": min(len(runs), MAX_COUNTED_RUNS),
            "prices": [_price_row(card) for card in price_cards_of(model)[:_PRICES]],
            "changes": returned_ids(runs)[:_CHANGES],
        },
    )


def _facts(model: CatalogueModel) -> list[dict[str, Any]]:
    weights = {True: _("open"), False: _("closed"), None: ""}[model.open_weights]
    context = ""
    if model.context_tokens:
        context = _("%(n)s tokens") % {"n": f"{model.context_tokens:,}"}
    rows: list[dict[str, Any]] = [
        {
            "key": _("Maker"),
            "value": model.maker,
            "url": reverse("leaderboards:models", query={"maker": model.maker}),
        },
        {"key": _("Weights"), "value": weights},
        {"key": _("Licence"), "value": model.licence},
        {"key": _("Takes in"), "value": ", ".join(map(str, model.modalities))},
        {"key": _("Context"), "value": context},
        {"key": _("Released"), "value": _day(model.released_on)},
        {"key": _("Knowledge until"), "value": _day(model.knowledge_until)},
        {"key": _("Deprecated"), "value": _day(model.deprecated_on)},
        {
            "key": _("Can be run here"),
            "value": _("yes") if getattr(model, "is_offered", False) else _("no"),
        },
        {"key": _("Name in the API"), "value": model.slug},
        {"key": _("Homepage"), "value": model.homepage, "url": _web_address(model.homepage)},
    ]
    return [row for row in rows if row["value"]]


def _day(date: datetime.date | None) -> str:
    return "" if date is None else date.isoformat()


def _web_address(address: str) -> str:
    return address if address.startswith(("https://", "http://")) else ""


def _result_row(result: ContenderResult) -> dict[str, Any]:
    interval = format_interval(result.low, result.high, writers_of(result.metric)[1])
    return {
        "benchmark": result.version.benchmark,
        "version": result.version,
        "contender": result.contender,
        "status": result.status,
        "score": format_score(result.value, result.metric),
        "interval": interval,
        "rank": _range(result.best_rank, result.worst_rank),
        "ranked_rows": result.ranked_rows,
        "cost": format_dollars_short(result.cost_per_item),
        "latency": format_seconds_short(result.median_latency_ms),
        "date": result.date,
        "model_changed": result.model_changed,
    }


def _range(best: int | None, worst: int | None) -> str:
    return "" if best is None or worst is None else format_rank(best, worst)


def _contender_rows(summaries: Sequence[ContenderSummary]) -> list[dict[str, Any]]:
    most_cost = max((one.cost.most for one in summaries if one.cost), default=0)
    most_latency = max((one.latency.most for one in summaries if one.latency), default=0)
    return [
        {
            "contender": one.contender,
            "settings": [
                f"{name.replace('_', ' ')}: {value}"
                for name, value in one.contender.configuration.items()
            ],
            "runs": one.runs,
            "failed": one.failed,
            "cost": _box(one.cost, most_cost, lambda value: format_dollars_short(round(value))),
            "latency": _box(
                one.latency, most_latency, lambda value: format_seconds_short(round(value))
            ),
        }
        for one in summaries
    ]


def _box(found: Distribution | None, most: float, write: Any) -> dict[str, Any] | None:
    """Return a distribution as texts, and as places from 1 to 99 on a bar that begins at zero."""
    if found is None:
        return None
    places = [
        1 + round(98 * value / most) if most else 1
        for value in (found.least, found.lower, found.median, found.upper, found.most)
    ]
    least, lower, median, upper, highest = places
    return {
        "path": (
            f"M{least} 8H{lower}M{upper} 8H{highest}M{lower} 4V12H{upper}V4zM{median} 2V14"
            if found.count > 1
            else f"M{median} 2V14"
        ),
        "median": write(found.median),
        "range": (write(found.lower), write(found.upper)) if found.upper > found.lower else None,
    }


def _failures(runs: Sequence[Run]) -> list[dict[str, Any]]:
    counts = count_outcomes(runs)
    total = counts.total()
    return [
        {
            "outcome": outcome,
            "count": f"{count:,}",
            "share": f"{count / total:.2%}".replace("%", " %"),
            "is_scored": outcome.is_scored,
        }
        for outcome, count in counts.most_common()
        if outcome is not Outcome.ANSWERED
    ]


def _price_row(card: PriceCard) -> dict[str, Any]:
    cached = card.cached_input_per_mtok
    return {
        "card": card,
        "input": dollars(card.input_per_mtok),
        "cached": "" if cached is None else dollars(cached),
        "output": dollars(card.output_per_mtok),
        "per_request": dollars(card.per_request) if card.per_request else "",
    }
