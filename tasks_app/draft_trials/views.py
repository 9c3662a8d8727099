"""Trying on pages: choose up to four models, see what it costs at most, see the answers."""

import secrets
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from plumbmark.accounts.acting import person
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from plumbmark.gateway.queries import quota_status
from plumbmark.web.forms import add_problems
from tasks_app.authoring.views.trails import trail_of
from tasks_app.draft_trials.actions import ModelBound, bound_trial, start_trial
from tasks_app.draft_trials.forms import TrialModelsForm
from tasks_app.draft_trials.queries import SideBySide, latest_trials_of, side_by_side, trial_at
from tasks_app.item_reports.targets import answers_of
from tasks_app.kinds import kind_of
from tasks_app.models import Contender, ItemTrial, TaskVersion
from tasks_app.permissions import can_edit_task
from tasks_app.runs.choice import version_to_run
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.scorings.score_display import score_context

_ONCE_SECONDS = 24 * 3600


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def trial_start(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """Ask which models on GET, then show what each costs at most; start on POST."""
    version = version_to_run(request, handle=handle, slug=slug)
    if kind_of(version).runs_program:
        return redirect("tasks:edit-code", handle, slug)
    task = version.task
    form = TrialModelsForm.of_request(request)
    bounds: list[ModelBound] = []
    if form.is_valid():
        try:
            if request.method == "POST":
                return _start(request, version, form)
            bounds = bound_trial(
                version=version,
                # Not saved: showing a price creates no row.
                contenders=[
                    Contender(deployment=one, configuration={}) for one in form.deployments
                ],
                namespace=form.payer,
                by=person(request),
            )
        except (InvalidInput, Conflict, NotAllowed) as error:
            add_problems(form, error)
    context = {
        "task": task,
        "version": version,
        "form": form,
        "items": kind_of(version).count_items(of_try=True),
        "bounds": bounds,
        "total": sum(one.bound.total for one in bounds if one.bound is not None),
        "is_startable": any(one.is_askable for one in bounds),
        "namespace": form.payer,
        "quota": quota_status(form.payer) if bounds else None,
        "once": secrets.token_urlsafe(16),
        "earlier": [
            {"url": one.get_absolute_url(), "at": one.created_at}
            for one in latest_trials_of(version, by=person(request))
        ],
        "is_editor": can_edit_task(request.user, task),
        "trail": [*trail_of(task), {"label": _("Try")}],
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "tasks_app/draft_trials/try.html", context, status=status)


def _start(request: HttpRequest, version: TaskVersion, form: TrialModelsForm) -> HttpResponse:
    by = person(request)
    # The same form sent twice (a double click, a reload) starts one trial.
    once = f"trial-once:{by.pk}:{request.POST.get('once', '')[:64]}"
    if request.POST.get("once") and not cache.add(once, "", _ONCE_SECONDS):
        if started := cache.get(once):
            return redirect("tasks:trial", started)
        messages.info(request, _("This try has already been started."))
        return redirect("tasks:try", version.task.namespace.handle, version.task.slug)
    try:
        trial = start_trial(
            version=version,
            contenders=[contender_of_deployment(deployment=one, by=by) for one in form.deployments],
            namespace=form.payer,
            by=by,
        )
    except BaseException:
        cache.delete(once)
        raise
    cache.set(once, trial.public_id, _ONCE_SECONDS)
    return redirect(trial)


@never_cache
@login_required
@require_safe
def trial_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show the answers of all models to each item, side by side."""
    trial = trial_at(public_id, to=request.user)
    task = trial.version.task
    is_preflight = trial.reason == ItemTrial.TrialReason.PREFLIGHT
    context = {
        **_answers_context(request, trial),
        "task": task,
        "is_preflight": is_preflight,
        "is_editor": can_edit_task(request.user, task),
        "trail": [
            *trail_of(task),
            {"label": _("Pre-flight items") if is_preflight else _("Try")},
        ],
    }
    return render(request, "tasks_app/draft_trials/trial.html", context)


@never_cache
@login_required
@require_safe
def trial_answers(request: HttpRequest, public_id: str) -> HttpResponse:
    """Render the answers alone, for polling."""
    trial = trial_at(public_id, to=request.user)
    return render(request, "tasks_app/draft_trials/_answers.html", _answers_context(request, trial))


def _answers_context(request: HttpRequest, trial: ItemTrial) -> dict[str, Any]:
    found = side_by_side(trial, to=request.user)
    version = trial.version
    return {
        "trial": trial,
        "version": version,
        "found": found,
        "columns": [
            {"column": one, "run": one.run, "score": score_context(one.run, version, one.scoring)}
            for one in found.columns
        ],
        "rows": _rows(found),
        "done": sum(one.run.samples_done for one in found.columns),
        "asked": sum(one.run.samples_total for one in found.columns),
    }


def _rows(found: SideBySide) -> list[dict[str, Any]]:
    return [
        {
            "item": row.item,
            "question": row.question,
            "targets": answers_of(row.item.target),
            "cells": [
                {"run": column.run, "answer": answer}
                for column, answer in zip(found.columns, row.answers, strict=True)
            ],
        }
        for row in found.rows
    ]
