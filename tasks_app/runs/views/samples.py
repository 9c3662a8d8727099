"""The page of one sample: messages, output, verdict and every exchange."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from plumbmark.gateway.budget.money import dollars
from plumbmark.gateway.call_display import call_context, pretty_json
from plumbmark.gateway.recorded_calls import viewable_calls
from plumbmark.gateway.storage.exchanges import ExchangesAway
from plumbmark.scoring.outcomes import Outcome
from plumbmark.scoring.reasoning import SplitOutput
from plumbmark.web.long_text import Highlight, cap_text, highlight_passage
from plumbmark.web.numbers import format_score, format_seconds
from tasks_app.definitions.rendering import text_of
from tasks_app.item_reports.addresses import report_address
from tasks_app.judges.replies import judge_replies
from tasks_app.kinds import kind_of
from tasks_app.models import Run, Sample
from tasks_app.runs.message_display import exchange_context, files_of_sample
from tasks_app.runs.other_answers import (
    MAX_OTHERS,
    next_difference,
    other_answers,
)
from tasks_app.runs.queries import (
    current_scoring,
    run_at,
    samples_of,
    with_scores,
    with_verdict,
)
from tasks_app.runs.transcripts import Transcript, transcript_of
from tasks_app.scorings.metric_documents import metric_document

_JUDGE_CHARACTERS = 8000
_MAX_REPORTED = 200
"""Items and checks of a program on one page; the API and the result file have all."""


@never_cache
@require_safe
def sample_detail(request: HttpRequest, run_id: int, ordinal: int) -> HttpResponse:
    run = run_at(run_id=run_id, to=request.user)
    transcript = transcript_of(run=run, ordinal=ordinal, to=request.user)
    sample, score = transcript.sample, transcript.score
    visible = samples_of(run, to=request.user)
    # The run's page leads here with its filter, which the neighbours keep to.
    verdict = request.GET.get("verdict", "")[:24]
    neighbours = visible
    if verdict:
        scored = with_scores(visible, current_scoring(run))
        neighbours = with_verdict(scored, verdict, run.task_version)
    task = run.task_version.task
    details = score.details if score else {}
    others = other_answers(run, transcript.item, to=request.user)
    openable = viewable_calls((one.call for one in transcript.calls), to=request.user)
    context = {
        "run": run,
        "task": task,
        "version": run.task_version,
        "sample": sample,
        "item": transcript.item,
        "outcome": Outcome(sample.outcome),
        "outcome_label": sample.outcome.replace("_", " "),
        "score": score,
        "value": format_score(score.value, metric_document(run.task_version)) if score else "",
        "exchange": exchange_context(
            transcript.messages, files_of_sample(transcript.run, transcript.sample.ordinal)
        ),
        "output": None if sample.is_withheld else _highlight_answer(transcript.split, details),
        "reasoning": cap_text("" if sample.is_withheld else transcript.split.reasoning),
        "reasoning_apart": cap_text(transcript.reasoning_apart),
        "last_call_number": transcript.last_call_number,
        **_output_facts(transcript),
        "targets": _targets(transcript),
        "choices": [cap_text(one, 1000).text for one in transcript.item.choices or ()],
        "judges": judge_replies(transcript.calls, details, most=_JUDGE_CHARACTERS),
        "printed": str(details.get("printed", "")),
        "other_scorers": details.get("scorers", {})
        if isinstance(details.get("scorers"), dict)
        else {},
        "is_program": kind_of(run.task_version).runs_program,
        "report_url": ""
        if transcript.item.is_withheld
        else report_address(transcript.run.task_version, transcript.item.position),
        **_program_items(details),
        "usage": _usage(transcript),
        "calls": [
            {**call_context(recorded), "may_open": recorded.call.pk in openable}
            for recorded in transcript.calls
        ],
        **_neighbours(transcript, neighbours, visible),
        "next_differing": next_difference(run, transcript.scoring, others, visible, after=ordinal),
        "others": [
            {
                "answer": one,
                "url": f"{reverse('leaderboards:compare_item', args=[transcript.item.position])}"
                f"?runs={run.pk},{one.run.pk}",
            }
            for one in others
        ],
        "may_have_more_others": len(others) == MAX_OTHERS,
        "verdict": verdict,
        "query": f"?{urlencode({'verdict': verdict})}" if verdict else "",
        "trail": [
            {"label": _("Tasks"), "url": reverse("tasks:list")},
            {"label": task.title, "url": task.get_absolute_url()},
            {"label": _("Run %(id)s") % {"id": run.pk}, "url": run.get_absolute_url()},
            {"label": _("Sample %(ordinal)s") % {"ordinal": ordinal + 1}},
        ],
    }
    return render(request, "tasks_app/runs/sample.html", context)


def _neighbours(
    transcript: Transcript, neighbours: QuerySet[Sample], visible: QuerySet[Sample]
) -> dict[str, int | None]:
    """Return the ordinals of the samples before and after, and of the wrong ones, in one query."""
    run, ordinal = transcript.run, transcript.sample.ordinal
    wanted = {"previous": neighbours, "next": neighbours}
    if run.task_version.metric_lower is not None and run.task_version.metric_upper is not None:
        scored = with_scores(visible, transcript.scoring)
        wrong = with_verdict(scored, "wrong", run.task_version)
        wanted |= {"previous_wrong": wrong, "next_wrong": wrong}
    places = {
        f"{name}_ordinal": Subquery(
            (
                samples.filter(ordinal__lt=ordinal).order_by("-ordinal")
                if name.startswith("previous")
                else samples.filter(ordinal__gt=ordinal).order_by("ordinal")
            ).values("ordinal")[:1]
        )
        for name, samples in wanted.items()
    }
    found: Mapping[str, Any] = Sample.objects.filter(pk=transcript.sample.pk).values(**places)[0]
    return {
        name: found.get(f"{name}_ordinal")
        for name in ("previous", "next", "previous_wrong", "next_wrong")
    }


def _highlight_answer(split: SplitOutput, details: dict[str, Any]) -> Highlight:
    """Return the answer with the words highlighted that a scorer took."""
    start, end = _position(details, "start"), _position(details, "end")
    if start is None or not end:
        return highlight_passage(split.answer, None, None)
    last = split.place_in_answer(end - 1)
    return highlight_passage(
        split.answer, split.place_in_answer(start), None if last is None else last + 1
    )


def _program_items(details: dict[str, Any]) -> dict[str, Any]:
    """Return the first of the items and checks that a program reported."""
    items = details.get("samples") or [
        {"id": key, "score": value} for key, value in details.get("scores", [])
    ]
    checks = details.get("checks", [])
    return {
        "reported_items": items[:_MAX_REPORTED],
        "reported_total": max(len(details.get("scores", ())), details.get("samples_told", 0)),
        "reported_checks": checks[:_MAX_REPORTED],
        "has_more_reported": len(items) > _MAX_REPORTED or len(checks) > _MAX_REPORTED,
    }


def _output_facts(transcript: Transcript) -> dict[str, Any]:
    """Return how the output is labelled. A made one is no message: nobody said it as it stands."""
    version, sample = transcript.run.task_version, transcript.sample
    if kind_of(version).runs_program:
        last = transcript.messages[-1] if transcript.messages else {}
        is_shown = last.get("role") == "assistant" and last.get("content") == sample.output
        return {
            "output_label": _("Output reported by the program"),
            "output_is_made": True,
            "output_is_shown": is_shown and not sample.is_withheld,
        }
    is_conversation = version.definition["prompt"].get("scored") == "conversation"
    return {
        "output_label": _("What is scored: the whole conversation")
        if is_conversation
        else transcript.run.contender.label,
        "output_is_made": is_conversation,
        "output_is_shown": False,
    }


def _position(details: dict[str, Any], name: str) -> int | None:
    value = details.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _targets(transcript: Transcript) -> list[str]:
    target = transcript.item.target
    found = target if isinstance(target, list) else [target]
    return [cap_text(text_of(one), 1000).text for one in found[:20] if one is not None]


def _usage(transcript: Transcript) -> list[dict[str, Any]]:
    sample = transcript.sample
    steps = sum(recorded.role == "candidate" for recorded in transcript.calls)
    rows = [
        {"key": _("Tokens in"), "value": f"{sample.input_tokens:,}"},
        {"key": _("Tokens out"), "value": f"{sample.output_tokens:,}"},
        {"key": _("Charged"), "value": dollars(sample.charged)},
        {
            "key": _("Latency of the last call") if steps > 1 else _("Latency"),
            "value": format_seconds(sample.latency_ms),
        },
    ]
    return [row for row in rows if row["value"]]


@never_cache
@require_safe
def sample_output(request: HttpRequest, run_id: int, ordinal: int) -> HttpResponse:
    """Return the whole output, as a file."""
    transcript = _transcript(request, run_id, ordinal)
    if transcript.sample.is_withheld:
        raise Http404
    return _file(transcript.sample.output, f"run-{run_id}-sample-{ordinal}-output.txt")


@never_cache
@require_safe
def sample_message(request: HttpRequest, run_id: int, ordinal: int, number: int) -> HttpResponse:
    """Return one whole message as it was sent, as a file."""
    transcript = _transcript(request, run_id, ordinal)
    if number >= len(transcript.messages):
        raise Http404
    message = transcript.messages[number]
    content = message if message.get("tool_calls") else message.get("content")
    text = content if isinstance(content, str) else pretty_json(content)
    return _file(text, f"run-{run_id}-sample-{ordinal}-message-{number + 1}.txt")


@never_cache
@require_safe
def sample_exchange(request: HttpRequest, run_id: int, ordinal: int, number: int) -> HttpResponse:
    """Return one whole raw exchange, as a file."""
    transcript = _transcript(request, run_id, ordinal)
    if number >= len(transcript.calls):
        raise Http404
    recorded = transcript.calls[number]
    if recorded.is_away:
        raise ExchangesAway
    if recorded.note:
        raise Http404
    body = {"request": recorded.request, "response": recorded.response}
    return _file(
        pretty_json(body),
        f"run-{run_id}-sample-{ordinal}-call-{number + 1}.json",
        "application/json",
    )


def _transcript(request: HttpRequest, run_id: int, ordinal: int) -> Transcript:
    run: Run = run_at(run_id=run_id, to=request.user)
    return transcript_of(run=run, ordinal=ordinal, to=request.user)


def _file(text: str, name: str, kind: str = "text/plain") -> HttpResponse:
    """Return a download, never a page: a model wrote the content."""
    response = HttpResponse(text, content_type=f"{kind}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
