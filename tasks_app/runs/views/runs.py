"""Pages of runs: the viewer's own, a run with its status, and its owner's controls."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbmark.accounts.acting import person
from plumbmark.accounts.permissions import can_act_for
from plumbmark.accounts.queries import namespaces_inside_of
from plumbmark.common.errors import InvalidInput
from plumbmark.common.table_files import formats
from plumbmark.gateway.budget.money import dollars
from plumbmark.web.forms import add_problems, number_in
from plumbmark.web.htmx import trigger
from plumbmark.web.long_text import cap_text
from plumbmark.web.numbers import format_rate, format_score, format_score_short, format_seconds
from tasks_app.authoring.uses import uses_of_run
from tasks_app.code_tasks import queries as programs
from tasks_app.code_tasks.downloads import (
    file_response,
    log_response,
    zip_response,
)
from tasks_app.kinds import kind_of
from tasks_app.models import Run, Scoring, TaskVersion
from tasks_app.permissions import (
    can_control_run,
    can_view_private_items,
    can_view_program,
)
from tasks_app.runs import control
from tasks_app.runs.batches import noted_schema_ways
from tasks_app.runs.forms import InvalidateForm, SpendLimitForm
from tasks_app.runs.output_limit_notes import noted_output_limit
from tasks_app.runs.queries import (
    OutcomeCount,
    charged_by_judges,
    current_scoring,
    in_brief,
    outcomes_of,
    run_at,
    run_status_of,
    samples_of,
    scorings_by_run,
    visible_runs,
    with_reasons,
    with_scores,
    with_verdict,
)
from tasks_app.scorings.metric_documents import SecondaryMetric, secondary_metrics
from tasks_app.scorings.score_display import score_context

_RUNS = 50
_SAMPLES = 50
_SCORINGS = 50
_BRIEF = 160
_OUTPUT = 2000
"""Characters of an output in a list of many, and where outputs are shown."""
_SHOWN_WHOLE = 10
"""A run with at most this many samples shows their outputs and reasons on its own page."""
_LOG_BEGINNING = 8_000
_LOG_ENDING = 40_000
_LOG_PAGE = 100_000
"""Characters of a program's output in one answer."""
_UNFINISHED = {Scoring.State.QUEUED, Scoring.State.RUNNING}


@never_cache
@login_required
@require_safe
def run_list(request: HttpRequest) -> HttpResponse:
    """Show the runs of the person and of their teams, newest first."""
    runs = visible_runs(to=request.user).filter(namespace__in=namespaces_inside_of(request.user))
    state, purpose = request.GET.get("state", ""), request.GET.get("purpose", "")
    if state in Run.State.values:
        runs = runs.filter(state=state)
    if purpose in Run.Purpose.values:
        runs = runs.filter(purpose=purpose)
    before = number_in(request, "before")
    if before is not None:
        runs = runs.filter(pk__lt=before)
    found = list(runs[: _RUNS + 1])
    page = found[:_RUNS]
    scorings = scorings_by_run(page)
    context = {
        "rows": [
            {"run": run, "score": score_context(run, run.task_version, scorings.get(run.pk))}
            for run in page
        ],
        "older": page[-1].pk if len(found) > _RUNS else None,
        "is_first_page": before is None,
        "is_filtered": state in Run.State.values or purpose in Run.Purpose.values,
        "states": Run.State.choices,
        "purposes": Run.Purpose.choices,
        "state": state,
        "purpose": purpose,
    }
    return render(request, "tasks_app/runs/runs.html", context)


@never_cache
@require_safe
def run_detail(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_at(run_id=run_id, to=request.user)
    return _run_page(request, run)


def _run_page(
    request: HttpRequest,
    run: Run,
    invalidate_form: InvalidateForm | None = None,
    spend_limit_form: SpendLimitForm | None = None,
    status: int = 200,
) -> HttpResponse:
    version = run.task_version
    scorings, scoring = _scorings_of(run)
    estimate = scoring.estimate if scoring and scoring.estimate else None
    visible = samples_of(run, to=request.user)
    verdict = request.GET.get("verdict", "")[:24]
    after = number_in(request, "after")
    few = run.samples_total <= _SHOWN_WHOLE and not verdict and after is None
    samples = with_verdict(with_scores(visible, scoring, characters=_BRIEF), verdict, version)
    if few:
        samples = with_reasons(samples, scoring)
    if after is not None:
        samples = samples.filter(ordinal__gt=after)
    brief = in_brief(samples, characters=_OUTPUT + 1 if few else _BRIEF)
    found = list(brief[: _SAMPLES + 1])
    page = found[:_SAMPLES]
    outcomes = outcomes_of(run)
    context = {
        **_status_context(run, scoring),
        "version": version,
        "task": version.task,
        "uses": uses_of_run(run, to=request.user),
        "scoring": scoring,
        "score": score_context(run, version, scoring),
        "estimate_facts": _estimate_facts(estimate, version),
        "method": _method(estimate, of_program=kind_of(version).runs_program),
        "outcomes": outcomes,
        "is_controlled": can_control_run(request.user, run),
        "can_invalidate": _can_invalidate(request, run),
        "invalidate_form": invalidate_form or InvalidateForm(),
        "spend_limit_form": spend_limit_form or _spend_limit_form(request, run),
        # Open where it is what the run waits for.
        "opens_spend_limit": run.pause_reason == Run.PauseReason.LIMIT
        or spend_limit_form is not None,
        "has_unscored": run.samples_unscored > 0,
        "frozen": _frozen_facts(run),
        "parameters": json.dumps(run.parameters, indent=2, ensure_ascii=False, sort_keys=True),
        "model_changed": len(run.upstream_models) > 1,
        "output_limit": noted_output_limit(run),
        "is_program": kind_of(version).runs_program,
        "schema_ways": sorted(noted_schema_ways(run)),
        "scorings": scorings,
        "samples": page,
        "next_after": page[-1].ordinal if len(found) > _SAMPLES else None,
        "is_first_page": after is None,
        "verdict": verdict,
        "query": f"?{urlencode({'verdict': verdict})}" if verdict else "",
        "verdicts": _verdicts(run, outcomes),
        "formats": formats(),
        "manifest_hash": _manifest_hash(scorings, scoring),
        "hidden": run.item_count and version.private_item_count and not _sees_private(request, run),
        **_program_context(request, run),
        "full_outputs": _output_rows(page) if few else [],
        "trail": [
            {"label": _("Tasks"), "url": reverse("tasks:list")},
            {
                "label": version.task.namespace.handle,
                "url": version.task.namespace.get_absolute_url(),
            },
            {"label": version.task.title, "url": version.task.get_absolute_url()},
            {"label": _("Run %(id)s") % {"id": run.pk}},
        ],
    }
    return render(request, "tasks_app/runs/run.html", context, status=status)


def _scorings_of(run: Run) -> tuple[list[Any], Scoring | None]:
    """Return the newest scorings of a run, and the one that its pages show. One query, or two."""
    scorings = list(
        Scoring.objects.filter(run=run)
        .select_related("task_version__task__namespace")
        .annotate(manifest_hash=F("manifest__hash"))
        .order_by("-id")[:_SCORINGS]
    )
    if len(scorings) == _SCORINGS:
        return scorings, current_scoring(run)
    own = [one for one in scorings if one.task_version_id == run.task_version_id]
    return scorings, max(own, key=lambda one: (one.revision, one.pk), default=None)


def _manifest_hash(scorings: Iterable[Any], shown: Scoring | None) -> str | None:
    """Return the hash of the manifest of the scoring that the page shows, if it has one."""
    if shown is None:
        return None
    return next((one.manifest_hash for one in scorings if one.pk == shown.pk), None)


def _program_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Report, log and files of a run of code, for those who may see them."""
    if not kind_of(run.task_version).runs_program or not can_view_program(request.user, run):
        return {}
    artifacts = list(programs.artifacts_of(run))
    return {
        "report": programs.report_of(run, artifacts),
        "log": programs.log_ends(run, first=_LOG_BEGINNING, last=_LOG_ENDING),
        "artifacts": artifacts,
    }


@never_cache
@require_safe
def run_log(request: HttpRequest, run_id: int) -> HttpResponse:
    """Return the next piece of a program's output, for polling."""
    run = programs.program_run_at(run_id=run_id, to=request.user)
    piece = programs.log_of(run, start=number_in(request, "start") or 0, most=_LOG_PAGE)
    context = {"run": run, "text": piece.text, "next": piece.next, "is_over": piece.is_over}
    return render(request, "tasks_app/code_tasks/_log.html", context)


@never_cache
@require_safe
def run_output(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show a program's output in pages."""
    run = programs.program_run_at(run_id=run_id, to=request.user)
    start = number_in(request, "start") or 0
    piece = programs.log_of(run, start=start, most=_LOG_PAGE)
    task = run.task_version.task
    context = {
        "run": run,
        "task": task,
        "text": piece.text,
        "earlier": programs.earlier_start(run, start=start, most=_LOG_PAGE),
        "later": piece.next if piece.has_more else None,
        "trail": [
            {"label": _("Tasks"), "url": reverse("tasks:list")},
            {"label": task.title, "url": task.get_absolute_url()},
            {"label": _("Run %(id)s") % {"id": run.pk}, "url": run.get_absolute_url()},
            {"label": _("Output")},
        ],
    }
    return render(request, "tasks_app/runs/run_output.html", context)


@never_cache
@require_safe
def run_output_file(request: HttpRequest, run_id: int) -> HttpResponse:
    """Return all of a program's output, as a file."""
    return log_response(programs.program_run_at(run_id=run_id, to=request.user))


@never_cache
@require_safe
def run_artifacts(request: HttpRequest, run_id: int) -> FileResponse:
    """Return every file that the program left, as a zip."""
    return zip_response(programs.program_run_at(run_id=run_id, to=request.user))


@never_cache
@require_safe
def run_artifact(request: HttpRequest, run_id: int, artifact_id: int) -> FileResponse:
    run = programs.program_run_at(run_id=run_id, to=request.user)
    return file_response(run, artifact_id)


def _sees_private(request: HttpRequest, run: Run) -> bool:
    return can_view_private_items(request.user, run.task_version.task)


def _can_invalidate(request: HttpRequest, run: Run) -> bool:
    if run.invalid_reason or run.purpose == Run.Purpose.TRY:
        return False
    return getattr(request.user, "is_staff", False) or can_act_for(
        request.user, run.task_version.task.namespace
    )


def _status_context(run: Run, scoring: Scoring | None) -> dict[str, Any]:
    status = run_status_of(run)
    is_being_scored = run.is_finished and scoring is not None and scoring.state in _UNFINISHED
    facts = []
    if status.samples_per_second:
        facts.append(
            {
                "key": _("Rate"),
                "value": _("%(rate)s samples per second")
                % {"rate": format_rate(status.samples_per_second)},
            }
        )
    judges = charged_by_judges(run) if scoring is not None and scoring.grant_id else 0
    if not run.is_submitted:
        facts.append(
            {
                "key": _("Spend"),
                "value": _("%(spent)s of at most %(bound)s")
                % {
                    "spent": dollars(status.charged + judges),
                    "bound": dollars(status.cost_bound),
                },
            }
        )
    if judges:
        value = _("%(model)s for answers, %(judges)s for judges") % {
            "model": dollars(status.charged),
            "judges": dollars(judges),
        }
        facts.append({"key": _("Of it"), "value": value})
    return {
        "run": run,
        "run_status": status,
        "status_facts": facts,
        "is_being_scored": is_being_scored,
        "scoring_progress": (
            scoring if is_being_scored or run.contender.deployment_id is None else None
        ),
        "is_live": not run.is_finished or is_being_scored,
        "shown_state": _shown_state(run, is_being_scored),
        "state_words": _("being scored") if is_being_scored else run.get_state_display(),
    }


def _shown_state(run: Run, is_being_scored: bool) -> str:
    """Return what a page knows of the run's state; another value means that it should be told."""
    return f"{run.state}-marking" if is_being_scored else str(run.state)


@never_cache
@require_safe
def run_status(request: HttpRequest, run_id: int) -> HttpResponse:
    """Render the status alone, for polling. Announces a state once, when it is new to the page."""
    run = run_at(run_id=run_id, to=request.user)
    context = _status_context(run, current_scoring(run))
    context["is_news"] = request.GET.get("seen", "") != context["shown_state"]
    response = render(request, "tasks_app/runs/_run_status.html", context)
    return trigger(response, "run-changed") if context["is_news"] else response


@login_required
@require_POST
def run_pause(request: HttpRequest, run_id: int) -> HttpResponse:
    message = _("The run is paused. Calls in flight end and are stored.")
    return _control(request, run_id, control.pause_run, message)


@login_required
@require_POST
def run_resume(request: HttpRequest, run_id: int) -> HttpResponse:
    return _control(request, run_id, control.resume_run, _("The run resumes where it stopped."))


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def run_cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show on GET what cancelling means; cancel on POST."""
    run = run_at(run_id=run_id, to=request.user)
    if request.method == "POST":
        control.cancel_run(run=run, by=person(request))
        messages.success(request, _("The run is cancelled. Its results so far are kept."))
        return redirect(run)
    if run.is_finished or not can_control_run(request.user, run):
        return redirect(run)
    return render(
        request, "tasks_app/runs/run_cancel.html", {"run": run, "run_status": run_status_of(run)}
    )


@login_required
@require_POST
def run_retry(request: HttpRequest, run_id: int) -> HttpResponse:
    message = _("The unscored samples are being retried.")
    return _control(request, run_id, control.retry_failed_samples, message)


def _control(
    request: HttpRequest, run_id: int, change: Callable[..., object], message: str
) -> HttpResponse:
    """Change the course of a run, and lead back to its page."""
    run = run_at(run_id=run_id, to=request.user)
    change(run=run, by=person(request))
    messages.success(request, message)
    return redirect(run)


@login_required
@require_POST
def run_invalidate(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_at(run_id=run_id, to=request.user)
    form = InvalidateForm(request.POST)
    if form.is_valid():
        try:
            control.invalidate_run(run=run, reason=form.cleaned_data["reason"], by=person(request))
        except InvalidInput as error:
            add_problems(form, error)
        else:
            messages.success(request, _("The run is marked as invalid."))
            return redirect(run)
    return _run_page(request, run, invalidate_form=form, status=422)


@login_required
@require_POST
def run_spend_limit(request: HttpRequest, run_id: int) -> HttpResponse:
    run = run_at(run_id=run_id, to=request.user)
    form = SpendLimitForm(request.POST)
    if not form.is_valid():
        return _run_page(request, run, spend_limit_form=form, status=422)
    limit = form.cleaned_data["spend_limit"]
    control.set_spend_limit(run=run, spend_limit=limit, by=person(request))
    messages.success(
        request, _("The spend limit is changed. A run that was waiting for it resumes.")
    )
    return redirect(run)


def _spend_limit_form(request: HttpRequest, run: Run) -> SpendLimitForm | None:
    """Return the form with the present limit; None if there is nothing left to limit."""
    if run.is_finished or run.grant is None or not can_control_run(request.user, run):
        return None
    cap = run.grant.cap
    return SpendLimitForm(initial={"spend_limit": "" if cap is None else dollars(cap)})


def _estimate_facts(estimate: dict[str, Any] | None, version: TaskVersion) -> list[dict[str, Any]]:
    if estimate is None:
        return []
    secondary = estimate.get("secondary", {})
    facts = [
        {"key": _("Items"), "value": f"{estimate['items']:,}"},
        {"key": _("Repeats"), "value": estimate["repeats"]},
        {"key": _("Scored samples"), "value": f"{estimate['scored']:,}"},
        {"key": _("Unscored"), "value": f"{estimate['unscored']:,}"},
    ]
    if estimate.get("clusters") and estimate["clusters"] != estimate["items"]:
        facts.insert(2, {"key": _("Clusters"), "value": f"{estimate['clusters']:,}"})
    for name, sign in (("pass_at", "@"), ("pass_hat", "^")):
        facts += [
            {"key": f"pass{sign}{k}", "value": f"{100 * value:.2f} %"}
            for k, value in estimate.get(name, {}).items()
            if k != "1"
        ]
    facts += [
        {"key": metric.label, "value": _with_interval(secondary[metric.scorer], metric)}
        for metric in secondary_metrics(version)
        if metric.scorer in secondary
    ]
    return facts


def _with_interval(found: Mapping[str, Any], metric: SecondaryMetric) -> str:
    """Return an estimate in words, with its interval where it has one."""
    document = metric.as_document()
    value = format_score(found["value"], document) or "–"
    if found["low"] is None:
        return value
    low, high = (format_score_short(found[end], document) for end in ("low", "high"))
    return _("%(value)s (%(low)s to %(high)s)") % {"value": value, "low": low, "high": high}


def _method(estimate: dict[str, Any] | None, *, of_program: bool) -> str:
    """Return how the interval was made, in words, and when it may be too narrow."""
    if estimate is None:
        return ""
    method = estimate.get("method", "")
    words = {
        "wilson": _("Wilson, one binary score per item"),
        "wilson-clustered": _("Wilson with the effective number of independent items"),
        "bootstrap-t": _("bootstrap-t over items or clusters"),
        "clustered-t": _("Student's t over clusters"),
        "reported": _("as the program reports it"),
        "whole-range": _("the whole scale: too few independent items to say more"),
    }
    cautions = []
    if of_program and method == "wilson":
        # Which questions belong together is known to the program alone.
        cautions.append(_("too narrow if the program's questions come in groups"))
    if estimate.get("skewed"):
        cautions.append(_("too narrow, perhaps: the scores are skewed, and few for that"))
    return "; ".join([words[method], *cautions]) if method in words else ""


def _extra_body(run: Run) -> str:
    """Return the fields that were added to requests: the deployment's, and the run's over them."""
    fields = {
        **run.deployment_facts.get("extra_body", {}),
        **run.parameters.get("extra_body", {}),
    }
    return json.dumps(fields, ensure_ascii=False) if fields else ""


def _frozen_facts(run: Run) -> list[dict[str, Any]]:
    """Return everything that was fixed at the start, for the fold."""
    facts = run.deployment_facts
    card = run.price_card
    rows: list[dict[str, Any]] = [
        {"key": _("Question hash"), "value": run.question_hash},
        {"key": _("Marking hash"), "value": run.marking_hash},
        {"key": _("Deployment"), "value": facts.get("slug", "")},
        {"key": _("Provider"), "value": facts.get("provider", "")},
        {"key": _("Requested model"), "value": facts.get("upstream_id", "")},
        {"key": _("Extra body"), "value": _extra_body(run)},
        {"key": _("Model that answered"), "value": ", ".join(map(str, run.upstream_models))},
        {"key": _("Revision"), "value": run.revision},
        {"key": _("Tokens in and out"), "value": f"{run.input_tokens:,} / {run.output_tokens:,}"},
        {"key": _("Median latency"), "value": format_seconds(run.median_latency_ms)},
        {"key": _("Charged"), "value": dollars(run.charged)},
        {"key": _("Provider's bill"), "value": dollars(run.provider_cost)},
        {"key": _("Engine"), "value": run.engine_version},
        {
            "key": _("Scorers"),
            "value": ", ".join(
                f"{name} {version}" for name, version in run.scorer_versions.items()
            ),
        },
        {"key": _("Platform"), "value": run.platform_version},
    ]
    if card is not None:
        price = _("%(input)s in, %(output)s out per million tokens, from %(date)s")
        rows.append(
            {
                "key": _("Price card"),
                "value": price
                % {
                    "input": dollars(card.input_per_mtok),
                    "output": dollars(card.output_per_mtok),
                    "date": f"{card.valid_from:%Y-%m-%d}",
                },
            }
        )
    return [row for row in rows if row["value"] not in ("", None)]


def _verdicts(run: Run, outcomes: list[OutcomeCount]) -> list[dict[str, str]]:
    """Return the filters of samples: the verdicts, and the outcomes that occur."""
    version = run.task_version
    found = []
    if version.metric_lower is not None and version.metric_upper is not None:
        found += [
            {"value": "right", "label": _("right")},
            {"value": "wrong", "label": _("wrong")},
            {"value": "partly", "label": _("partly right")},
        ]
    found.append({"value": "unscored", "label": _("unscored")})
    return found + [{"value": one.outcome.value, "label": one.label} for one in outcomes]


def _output_rows(samples: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the outputs of a small run with the scorer's reasons."""
    return [{"sample": sample, "output": cap_text(sample.beginning, _OUTPUT)} for sample in samples]
