"""The page of a job, and its status on the page that started it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from plumbmark.accounts.acting import person
from plumbmark.background.actions import cancel_job
from plumbmark.background.models import Job
from plumbmark.background.queries import job_at, jobs_ahead_of
from plumbmark.background.retention import FINISHED_JOBS


def job_context(job: Job) -> dict[str, Any]:
    """Return the context of `background/_job.html`."""
    return {
        "job": job,
        "jobs_ahead": jobs_ahead_of(job) if job.state == Job.State.QUEUED else 0,
        "kept_days": FINISHED_JOBS.days,
    }


@never_cache
@login_required
@require_safe
def job_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    job = job_at(public_id=public_id, to=request.user)
    return render(request, "background/job.html", job_context(job))


@never_cache
@login_required
@require_safe
def job_status(request: HttpRequest, public_id: str) -> HttpResponse:
    """Return the fragment that shows how far a job is, asked for every second while it lasts."""
    job = job_at(public_id=public_id, to=request.user)
    return render(request, "background/_job.html", job_context(job))


@never_cache
@login_required
@require_POST
def job_cancel(request: HttpRequest, public_id: str) -> HttpResponse:
    job = cancel_job(job=job_at(public_id=public_id, to=request.user), by=person(request))
    return redirect(job)
