"""The pages of a namespace's limits and ledger, and of single calls."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from plumbmark.accounts.models import Namespace
from plumbmark.gateway import queries
from plumbmark.gateway.budget.subjects import pages_of
from plumbmark.gateway.call_display import call_context, pretty_json
from plumbmark.gateway.models import Call, LedgerLine
from plumbmark.gateway.permissions import can_view_ledger
from plumbmark.gateway.recorded_calls import parse_call_id, recorded_call_at
from plumbmark.gateway.storage.exchanges import ExchangesAway

LINES_PER_PAGE = 50
CALLS_PER_PAGE = 100


@require_safe
@login_required
def quota_own(request: HttpRequest) -> HttpResponse:
    """Show the limits and the ledger of the signed-in person."""
    namespace = get_object_or_404(Namespace.objects.select_related("user"), user=request.user.pk)
    return _quota(request, namespace)


@require_safe
@login_required
def quota(request: HttpRequest, handle: str) -> HttpResponse:
    """Show the same for a team, or for anyone if the viewer is staff."""
    return _quota(request, _namespace(request, handle))


def _namespace(request: HttpRequest, handle: str) -> Namespace:
    namespace = get_object_or_404(Namespace.objects.select_related("user"), handle=handle)
    if not can_view_ledger(request.user, namespace):
        # Do not reveal to others whether a namespace has a ledger.
        raise Http404("No such page.")
    return namespace


def _quota(request: HttpRequest, namespace: Namespace) -> HttpResponse:
    lines = queries.ledger_of(namespace)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        lines = lines.filter(id__lt=int(before))
    page = list(lines[: LINES_PER_PAGE + 1])
    has_more = len(page) > LINES_PER_PAGE
    page = page[:LINES_PER_PAGE]
    status = queries.quota_status(namespace)
    context = {
        "namespace": namespace,
        "periods": [status.day, status.month],
        "rows": _rows(page),
        "is_first_page": not before,
        "older": page[-1].pk if has_more else None,
    }
    return render(request, "gateway/quota.html", context)


def _rows(lines: list[LedgerLine]) -> list[dict[str, Any]]:
    """Return lines with their reasons in three pieces: the text before the subject, its page, the
    text after.
    """
    subjects = [line.grant.subject if line.grant else "" for line in lines]
    pages = pages_of(subjects)
    rows = []
    for line, subject in zip(lines, subjects, strict=True):
        before, found, after = line.reason.partition(subject) if subject else (line.reason, "", "")
        page = pages.get(subject) if found else None
        if page is None:
            before, after = line.reason, ""
        rows.append({"line": line, "before": before, "page": page, "after": after})
    return rows


@require_safe
@login_required
def ledger_line(request: HttpRequest, handle: str, line_id: int) -> HttpResponse:
    """Show the calls that one ledger line covers."""
    namespace = _namespace(request, handle)
    line = get_object_or_404(queries.ledger_of(namespace), pk=line_id)
    calls = queries.calls_of_line(line)
    if cursor := parse_call_id(request.GET.get("after", "")):
        last = get_object_or_404(Call, pk=cursor, ledger_line=line)
        calls = calls.filter(
            Q(started_at__gt=last.started_at) | Q(started_at=last.started_at, id__gt=last.pk)
        )
    page = list(calls[: CALLS_PER_PAGE + 1])
    has_more = len(page) > CALLS_PER_PAGE
    page = page[:CALLS_PER_PAGE]
    context = {
        "namespace": namespace,
        "line": line,
        "calls": page,
        "later": page[-1].pk if has_more else None,
    }
    return render(request, "gateway/ledger_line.html", context)


@never_cache
@require_safe
@login_required
def find_call(request: HttpRequest) -> HttpResponse:
    """Lead from the id of a call, or of an answer, to the call's page."""
    found = parse_call_id(request.GET.get("id", ""))
    if found is None:
        raise Http404("No such call.")
    return redirect("gateway:call", call_id=found)


@never_cache
@require_safe
@login_required
def call_detail(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """Show one call to those who see the ledger that it was charged to."""
    recorded = recorded_call_at(str(call_id), to=request.user)
    call, payer = recorded.call, recorded.call.grant.payer
    subject = call.grant.subject
    page = pages_of([subject]).get(subject)
    quota_url = reverse("gateway:quota_of", args=[payer.handle])
    origin = [
        {"key": _("Started (UTC)"), "value": f"{call.started_at:%Y-%m-%d %H:%M:%S}"},
        {"key": _("Paid by"), "value": payer.label, "url": quota_url},
        {
            "key": _("Made for"),
            "value": page.label if page else subject,
            "url": page.url if page else "",
        },
        {"key": _("Role"), "value": call.role},
    ]
    trail = [{"label": _("Quota of %(who)s") % {"who": payer.label}, "url": quota_url}]
    if call.ledger_line_id is not None:
        line_url = reverse("gateway:ledger_line", args=[payer.handle, call.ledger_line_id])
        trail.append({"label": _("Calls of a ledger line"), "url": line_url})
    context = {
        "row": call_context(recorded),
        "origin": origin,
        "download_url": reverse("gateway:call_exchange", args=[call.pk]),
        "trail": [*trail, {"label": _("Call of a model")}],
    }
    return render(request, "gateway/call.html", context)


@never_cache
@require_safe
@login_required
def call_exchange(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """Return the whole request and response, as a file."""
    recorded = recorded_call_at(str(call_id), to=request.user)
    if recorded.is_away:
        raise ExchangesAway
    if recorded.note:
        raise Http404("The exchange of this call is not shown.")
    body = pretty_json({"request": recorded.request, "response": recorded.response})
    response = HttpResponse(body, content_type="application/json; charset=utf-8")
    # A download, never a page: a model wrote the content.
    response.headers["Content-Disposition"] = f'attachment; filename="call-{call_id}.json"'
    return response
