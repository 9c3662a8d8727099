"""Pages of comparisons of runs. Nothing of them is cached: each reader sees what runs allow."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from leaderboards_app.comparisons.addresses import MAX_COMPARED, read_run_ids, read_shown
from leaderboards_app.comparisons.computation import (
    FEW_ITEMS,
    ItemView,
    SliceColumn,
    compare_all,
    compare_slices,
    view_items,
)
from leaderboards_app.comparisons.item_sides import (
    ItemSide,
    mark_sides,
    short_answers,
    sides_of_item,
)
from leaderboards_app.comparisons.queries import ItemFacts, RunSet, item_facts, runs_to_compare
from leaderboards_app.comparisons.wording import LETTERS, explain_pair, pair_context
from plumbmark.common.errors import InvalidInput
from plumbmark.scoring.comparison import PairResult
from plumbmark.scoring.estimates import estimate_rows
from plumbmark.web.long_text import cap_text
from plumbmark.web.numbers import format_score, format_score_short
from plumbmark.web.word_differences import MarkedWords
from tasks_app.item_reports.addresses import report_address
from tasks_app.models import SampleScore, TaskVersion
from tasks_app.runs.message_display import exchange_context, files_of_sample
from tasks_app.runs.queries import newest_of_contenders, run_at, runs_beside
from tasks_app.scorings.metric_documents import metric_document

_ITEMS_OF_A_PAGE = 50
_MAX_CANDIDATES = 100
_READ_CANDIDATES = 400


@never_cache
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Compare two to six runs of the same questions; with one run, offer others to choose."""
    asked = request.GET.getlist("runs")
    if not any(asked):
        return render(request, "leaderboards_app/comparisons/pick.html", {"trail": _trail()})
    try:
        run_ids = read_run_ids(asked, least=1)
        if len(run_ids) == 1 or "pick" in request.GET:
            return _pick(request, run_ids)
        found = runs_to_compare(run_ids, to=request.user)
    except InvalidInput as error:
        context = {"problems": error.problems, "trail": _trail()}
        return render(request, "leaderboards_app/comparisons/pick.html", context, status=422)
    return render(request, "leaderboards_app/comparisons/compare.html", _comparison(request, found))


def _trail(version: TaskVersion | None = None) -> list[dict[str, str]]:
    steps = [{"label": _("Tasks"), "url": reverse("tasks:list")}]
    if version is not None:
        steps.append({"label": version.task.title, "url": version.task.get_absolute_url()})
    return [*steps, {"label": _("Compare")}]


def _pick(request: HttpRequest, run_ids: Sequence[int]) -> HttpResponse:
    """Offer the runs that these can be compared with."""
    run = run_at(run_id=run_ids[0], to=request.user)
    others = newest_of_contenders(
        runs_beside(run, to=request.user)[:_READ_CANDIDATES], most=_MAX_CANDIDATES
    )
    context = {
        "run": run,
        "others": others,
        "chosen": set(run_ids),
        "most": MAX_COMPARED - 1,
        "trail": _trail(run.task_version),
    }
    return render(request, "leaderboards_app/comparisons/pick.html", context)


def _chosen_pair(request: HttpRequest, found: RunSet) -> tuple[int, int]:
    """Return the places of the pair that is shown in detail; the first two if none is named."""
    try:
        first, second = read_run_ids([request.GET.get("pair", "")])
    except (InvalidInput, ValueError):
        return 0, 1
    one, other = found.place_of(first), found.place_of(second)
    return (0, 1) if one is None or other is None or one == other else (one, other)


def _comparison(request: HttpRequest, found: RunSet) -> dict[str, Any]:
    # Of a program's samples, which may be right or wrong where its metric has no bounds.
    bounds = {"lower": found.metric.lower, "upper": found.metric.upper}
    metric = {**metric_document(found.version), **bounds}
    pairs = compare_all(found)
    pair = _chosen_pair(request, found)
    result = pairs[min(pair), max(pair)]
    if pair[0] > pair[1]:
        result = result.mirrored()
    facts = item_facts(found, to=request.user)
    contestants = _contestants(found, metric)
    names = tuple(contestants[place]["name"] for place in pair)
    context = {
        "found": found,
        "version": found.version,
        "task": found.version.task,
        "contestants": contestants,
        "matrix": _matrix(found, pairs, metric) if len(found.runs) > 2 else [],
        "first": contestants[pair[0]],
        "second": contestants[pair[1]],
        "pair": pair_context(result, metric),
        "explanation": explain_pair(result, metric, (names[0], names[1])),
        "slices": [_slice_context(one, metric) for one in compare_slices(found, pair, facts)],
        "few_items": FEW_ITEMS,
        "hidden": 0 if found.runs_program else facts.hidden,
        "is_program": found.runs_program,
        "lower_is_better": not found.metric.is_higher_better,
        "runs_query": ",".join(str(run.pk) for run in found.runs),
        "trail": _trail(found.runs[0].task_version),
    }
    if not found.runs_program:
        context |= _item_list(request, found, pair, facts, metric)
    return context


def _contestants(found: RunSet, metric: Mapping[str, Any]) -> list[dict[str, Any]]:
    estimates = estimate_rows(found.rows, found.metric)
    return [
        {
            "letter": LETTERS[place],
            "name": f"{LETTERS[place]} ({run.contender.label})",
            "run": run,
            "value": format_score(one.value, metric),
            "low": format_score_short(one.low, metric),
            "high": format_score_short(one.high, metric),
            "items": one.n_items,
            "unscored": one.n_unscored,
        }
        for place, (run, one) in enumerate(zip(found.runs, estimates, strict=True))
    ]


def _matrix(
    found: RunSet, pairs: Mapping[tuple[int, int], PairResult], metric: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return a row for each run, with its difference from each run of a column."""
    places = range(len(found.runs))
    address = ",".join(str(run.pk) for run in found.runs)
    rows = []
    for one in places:
        cells: list[dict[str, Any] | None] = []
        for other in places:
            if one == other:
                cells.append(None)
                continue
            result = pairs[min(one, other), max(one, other)]
            if one > other:
                result = result.mirrored()
            query = {"runs": address, "pair": f"{found.runs[one].pk},{found.runs[other].pk}"}
            cells.append(
                {**pair_context(result, metric), "url": f"?{urlencode(query, safe=',')}#pair"}
            )
        label = found.runs[one].contender.label
        rows.append({"letter": LETTERS[one], "label": label, "cells": cells})
    return rows


def _slice_context(column: SliceColumn, metric: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": column.name,
        "left_out": column.left_out,
        "values": [
            {"value": one.value, "few": one.has_few_items, **pair_context(one.result, metric)}
            for one in column.values
        ],
    }


def _filter_labels(found: RunSet, pair: tuple[int, int]) -> dict[str, str]:
    """Return the filters of items by name, as far as they mean something for these scores."""
    one, other = LETTERS[pair[0]], LETTERS[pair[1]]
    names = {"first": one, "second": other}
    if found.is_right_or_wrong:
        return {
            "differ": _("They differ"),
            "a": _("%(first)s right, %(second)s wrong") % names,
            "b": _("%(second)s right, %(first)s wrong") % names,
            "right": _("Both right"),
            "wrong": _("Both wrong"),
            "unscored": _("One unscored"),
            "all": _("All"),
        }
    return {
        "differ": _("They differ"),
        "a": _("%(first)s better") % names,
        "b": _("%(second)s better") % names,
        "tie": _("Equal"),
        "unscored": _("One unscored"),
        "all": _("All"),
    }


def _item_list(
    request: HttpRequest,
    found: RunSet,
    pair: tuple[int, int],
    facts: ItemFacts,
    metric: Mapping[str, Any],
) -> dict[str, Any]:
    view = view_items(found, pair, facts)
    labels = _filter_labels(found, pair)
    shown = read_shown(request.GET.get("show", ""))
    shown = shown if shown in labels else "differ"
    runs = [found.runs[place] for place in pair]
    whole = ",".join(str(run.pk) for run in found.runs)
    chosen = ",".join(str(run.pk) for run in runs)
    query = {"runs": whole, **({"pair": chosen} if len(found.runs) > 2 else {})}
    page = Paginator(view.places(shown), _ITEMS_OF_A_PAGE).get_page(request.GET.get("page"))
    places = list(page.object_list)
    answers = short_answers(found, pair, places) if places else {}
    item_query = urlencode({"runs": chosen, "show": shown}, safe=",")
    return {
        "tabs": [
            {
                "label": label,
                "url": f"?{urlencode({**query, 'show': name}, safe=',')}#items-heading",
                "current": name == shown,
                "count": view.count(name),
            }
            for name, label in labels.items()
            if name == shown or name != "unscored" or view.count(name)
        ],
        "page": page,
        "items": [
            {
                "key": facts.keys[place],
                "url": f"{reverse('leaderboards:compare_item', args=[place])}?{item_query}",
                "sides": [
                    {
                        **_verdict(float(means[place]), found, metric),
                        "answer": answers.get((side, place)),
                    }
                    for side, means in enumerate((view.directions.a_means, view.directions.b_means))
                ],
            }
            for place in places
        ],
    }


def _verdict(mean: float, found: RunSet, metric: Mapping[str, Any]) -> dict[str, str]:
    """Return a score of an item as a badge: its words and state."""
    if mean != mean:
        return {"label": _("unscored"), "state": "warning"}
    if found.is_right_or_wrong:
        is_right = mean == found.metric.best
        return {
            "label": _("right") if is_right else _("wrong"),
            "state": "good" if is_right else "bad",
        }
    return {"label": format_score(mean, metric), "state": "plain"}


@never_cache
@require_safe
def compare_item(request: HttpRequest, position: int) -> HttpResponse:
    """Show the answers of two runs to one item side by side, with the words marked that differ."""
    try:
        run_ids = read_run_ids(request.GET.getlist("runs"))[:2]
        found = runs_to_compare(run_ids, to=request.user)
    except InvalidInput as error:
        context = {"problems": error.problems, "trail": _trail()}
        return render(request, "leaderboards_app/comparisons/pick.html", context, status=422)
    facts = item_facts(found, to=request.user)
    if position >= len(facts.keys) or not facts.visible[position]:
        raise Http404
    pair = (0, 1)
    view = view_items(found, pair, facts)
    labels = _filter_labels(found, pair)
    shown = read_shown(request.GET.get("show", ""))
    shown = shown if shown in labels else "differ"
    repeats = max(run.repeats for run in found.runs)
    repeat = _repeat_in(request, repeats)
    sides = sides_of_item(found, pair, position, repeat)
    if sides[0].sample is None and sides[1].sample is None:
        raise Http404
    metric = metric_document(found.version)
    runs_text = ",".join(map(str, run_ids))
    context = {
        "found": found,
        "task": found.version.task,
        "version": found.version,
        "key": facts.keys[position],
        "slices": facts.slices[position],
        "report_url": report_address(found.version, position),
        "columns": _columns(found, view, sides, position, metric),
        "question": _question(sides),
        "shown": shown,
        "shown_label": labels[shown],
        "repeat_tabs": [
            {
                "label": f"#{number + 1}",
                "url": _item_url(position, runs_text, shown, number),
                "current": number == repeat,
            }
            for number in range(min(repeats, 50))
        ]
        if repeats > 1
        else [],
        "list_url": f"{reverse('leaderboards:compare')}?"
        f"{urlencode({'runs': runs_text, 'show': shown}, safe=',')}#items-heading",
        **_neighbours(view, position, runs_text, shown),
        "api_query": urlencode({"runs": runs_text}, safe=","),
        "trail": [
            *_trail(found.runs[0].task_version)[:-1],
            {
                "label": _("Compare"),
                "url": f"{reverse('leaderboards:compare')}?runs={runs_text}",
            },
            {"label": facts.keys[position]},
        ],
    }
    return render(request, "leaderboards_app/comparisons/item.html", context)


def _repeat_in(request: HttpRequest, repeats: int) -> int:
    text = request.GET.get("repeat", "1")
    is_number = text.isascii() and text.isdecimal() and len(text) < 6
    return min(max(int(text), 1), repeats) - 1 if is_number else 0


def _item_url(position: int, runs: str, shown: str, repeat: int = 0) -> str:
    query = {"runs": runs, "show": shown, **({"repeat": str(repeat + 1)} if repeat else {})}
    address = reverse("leaderboards:compare_item", args=[position])
    return f"{address}?{urlencode(query, safe=',')}"


def _neighbours(view: ItemView, position: int, runs: str, shown: str) -> dict[str, Any]:
    places = view.places(shown)
    before = [place for place in places if place < position]
    after = [place for place in places if place > position]
    return {
        "previous_url": _item_url(before[-1], runs, shown) if before else "",
        "next_url": _item_url(after[0], runs, shown) if after else "",
        "number": len(before) + 1 if position in places else None,
        "total": len(places),
    }


def _question(sides: Sequence[ItemSide]) -> list[dict[str, Any]]:
    """Return the messages once, if both runs were sent the same; otherwise none."""
    one, other = sides
    if one.sample is None or other.sample is None or list(one.messages) != list(other.messages):
        return []
    return exchange_context(one.messages, files_of_sample(one.run, one.sample.ordinal))


def _columns(
    found: RunSet,
    view: ItemView,
    sides: tuple[ItemSide, ItemSide],
    position: int,
    metric: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return both transcripts, with the passages of their answers that differ."""
    same = bool(_question(sides))
    means = (view.directions.a_means, view.directions.b_means)
    columns = []
    for n, marked in enumerate(mark_sides(sides)):
        side = marked.side
        sample, score = side.sample, side.score
        messages: list[dict[str, Any]] = []
        if sample is not None and not same:
            messages = exchange_context(side.messages, files_of_sample(side.run, sample.ordinal))
        columns.append(
            {
                "letter": LETTERS[n],
                "run": side.run,
                "sample": sample,
                "verdict": _verdict(float(means[n][position]), found, metric),
                "answer": _answer_taken(score, marked.text.text),
                "explanation": score.explanation if score else "",
                "messages": messages,
                "marked": _mark_words(marked.passages),
                "text": marked.text,
                "reasoning": cap_text(side.split.reasoning if side.split else ""),
                "withheld": _withheld_reason(side),
                "is_cut": marked.is_compared_in_part,
            }
        )
    return columns


def _mark_words(passages: Sequence[MarkedWords]) -> SafeString:
    """Write an answer with `<mark>` around what differs."""
    return format_html_join(
        "",
        "{}",
        (
            (format_html("<mark>{}</mark>", one.text) if one.differs else one.text,)
            for one in passages
        ),
    )


def _answer_taken(score: SampleScore | None, output: str) -> str:
    """Return what a scorer took of the output, if that is less than the whole."""
    if score is None or score.answer.strip() == output.strip():
        return ""
    return score.answer


def _withheld_reason(side: ItemSide) -> str:
    sample = side.sample
    if sample is None or side.split is not None:
        return ""
    return str(sample.withheld_reason or sample.item.withheld_reason)
