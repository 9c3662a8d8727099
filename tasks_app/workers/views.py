"""The state of the platform, for staff: workers, their sandboxes, what waits, what is kept."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from plumbmark.common.retention import describe_policies
from tasks_app.runs.queries import waiting_work
from tasks_app.workers.reports import workers

MAX_COUNTED = 10_000
"""Rows of one policy of retention: the command counts them all."""


@never_cache
@login_required
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Show the workers; 404 for everyone who is not staff: they need not know that the page
    exists.
    """
    if not getattr(request.user, "is_staff", False):
        raise Http404
    context = {
        "workers": workers(),
        "waiting": waiting_work(),
        "retention": describe_policies(most=MAX_COUNTED),
    }
    return render(request, "staff/status.html", context)
