"""Reporting an item, the public page of a report, its decision, and the reports of a task."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbmark.accounts.acting import person
from plumbmark.common.errors import Conflict, DomainError, InvalidInput
from plumbmark.web.forms import add_problems
from tasks_app.authoring.queries import items_of, task_at, version_at
from tasks_app.authoring.views.detail import item_context
from tasks_app.authoring.views.trails import trail_of
from tasks_app.item_reports.accept_jobs import is_heavy_acceptance, start_acceptance
from tasks_app.item_reports.actions import (
    accept_report,
    decline_report,
    item_to_correct,
    report_item,
    withdraw_report,
)
from tasks_app.item_reports.effects import moves_of, waiting_benchmarks
from tasks_app.item_reports.forms import AcceptReportForm, DeclineReportForm, ItemReportForm
from tasks_app.item_reports.permissions import can_decide_report, can_withdraw_report
from tasks_app.item_reports.queries import (
    report_at,
    reports_of_item,
    reports_of_task,
)
from tasks_app.item_reports.targets import answers_of, read_target, write_target
from tasks_app.kinds import kind_of
from tasks_app.models import Item, ItemReport, TaskVersion
from tasks_app.scorings.progress import rescoring_progress
from tasks_app.scorings.rescoring_scope import rescoring_scope

_ITEM_CHARACTERS = 4000
_REPORTS_OF_A_PAGE = 25


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def report_create(
    request: HttpRequest, handle: str, slug: str, number: int, position: int
) -> HttpResponse:
    """Show the item with the form of a report; a POST makes the report."""
    task = task_at(handle=handle, slug=slug, to=request.user)
    version = version_at(task=task, number=number, to=request.user)
    version.task = task
    item = items_of(version, to=request.user).filter(position=position).first()
    if item is None:
        raise Http404
    form = ItemReportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            report = report_item(
                version=version,
                item=item,
                kind=values["kind"],
                reason=values["reason"],
                proposed=read_target(values["proposed"], item.target),
                by=person(request),
            )
        except InvalidInput as error:
            add_problems(form, error, {"target": "proposed"})
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("Thank you. The task's authors are told of the report."))
            return redirect(report)
    kind = kind_of(version)
    context = {
        "task": task,
        "version": version,
        "is_program": kind.runs_program,
        "shown": _item_shown(version, item),
        "form": form,
        "others": list(reports_of_item(item, version, to=request.user)[:10]),
        "trail": [*trail_of(task), {"label": _("Report an item")}],
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "tasks_app/item_reports/report_form.html", context, status=status)


def _item_shown(version: TaskVersion, item: Item) -> dict[str, Any]:
    kind = kind_of(version)
    definition = None if kind.runs_program or version.is_withheld else kind.definition
    return item_context(version, definition, item, _ITEM_CHARACTERS)


@never_cache
@require_safe
def report_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    report = report_at(public_id=public_id, to=request.user)
    return _report_page(request, report)


def _report_page(
    request: HttpRequest,
    report: ItemReport,
    *,
    accept_form: AcceptReportForm | None = None,
    decline_form: DeclineReportForm | None = None,
    status: int = 200,
) -> HttpResponse:
    task = report.version.task
    corrected = report.resulting_version
    may_decide = report.is_open and can_decide_report(request.user, report)
    context = {
        "report": report,
        "task": task,
        "version": report.version,
        "shown": _item_shown(report.version, report.item),
        "proposed": answers_of(report.proposed),
        "before": answers_of(report.key_before),
        "after": answers_of(report.key_after),
        "corrected": corrected,
        "progress": rescoring_progress(corrected) if corrected is not None else None,
        "moves": moves_of(report, to=request.user),
        "waiting": waiting_benchmarks(report, to=request.user),
        "may_withdraw": report.is_open and can_withdraw_report(request.user, report),
        **(_decision(request, report, accept_form, decline_form) if may_decide else {}),
        "may_decide": may_decide,
        "trail": [*trail_of(task), {"label": _("Report")}],
    }
    return render(request, "tasks_app/item_reports/report.html", context, status=status)


def _decision(
    request: HttpRequest,
    report: ItemReport,
    accept_form: AcceptReportForm | None,
    decline_form: DeclineReportForm | None,
) -> dict[str, Any]:
    """Return what the author needs to decide: the forms, and what a correction costs."""
    decision: dict[str, Any] = {"decline_form": decline_form or DeclineReportForm()}
    try:
        version, item = item_to_correct(report)
    except Conflict as error:
        return {**decision, "obstacle": error.message}
    start = report.proposed if report.proposed is not None else item.target
    return {
        **decision,
        "accept_form": accept_form or AcceptReportForm(initial={"target": write_target(start)}),
        "latest": version,
        "scope": rescoring_scope(version, by=person(request)),
    }


@never_cache
@login_required
@require_POST
def report_decide(request: HttpRequest, public_id: str) -> HttpResponse:
    """Accept, decline or withdraw a report, as `decision` says."""
    report = report_at(public_id=public_id, to=request.user)
    decision = request.POST.get("decision")
    if decision == "withdraw":
        withdraw_report(report=report, by=person(request))
        messages.success(request, _("The report is withdrawn."))
        return redirect(report)
    if decision == "decline":
        return _decline(request, report)
    if decision == "accept":
        return _accept(request, report)
    raise Http404


def _decline(request: HttpRequest, report: ItemReport) -> HttpResponse:
    form = DeclineReportForm(request.POST)
    if form.is_valid():
        try:
            decline_report(report=report, note=form.cleaned_data["note"], by=person(request))
        except InvalidInput as error:
            add_problems(form, error)
        else:
            messages.success(request, _("The report is declined, with your note."))
            return redirect(report)
    return _report_page(request, report, decline_form=form, status=422)


def _accept(request: HttpRequest, report: ItemReport) -> HttpResponse:
    form = AcceptReportForm(request.POST)
    if form.is_valid():
        user, note = person(request), form.cleaned_data["note"]
        version, item = item_to_correct(report)
        target = read_target(form.cleaned_data["target"], item.target)
        if target is not None and target == _as_texts(report.proposed):
            target = report.proposed
        try:
            if is_heavy_acceptance(version):
                job = start_acceptance(report=report, target=target, note=note, by=user)
                return redirect(job)
            accept_report(report=report, target=target, note=note, by=user)
        except InvalidInput as error:
            add_problems(form, error)
        else:
            messages.success(
                request, _("The key is corrected. The stored outputs are being scored anew.")
            )
            return redirect(report)
    return _report_page(request, report, accept_form=form, status=422)


def _as_texts(target: Any) -> Any:
    """Return a proposed key as the form's lines would give it back."""
    answers = answers_of(target)
    return answers[0] if len(answers) == 1 else answers


@require_safe
def report_list(request: HttpRequest, handle: str, slug: str) -> HttpResponse:
    """List the reports on a task's items, newest first; `status` filters them."""
    task = task_at(handle=handle, slug=slug, to=request.user)
    reports = reports_of_task(task, to=request.user)
    status = request.GET.get("status", "")
    if status in ItemReport.State.values:
        reports = reports.filter(status=status)
    context = {
        "task": task,
        "page": Paginator(reports, _REPORTS_OF_A_PAGE).get_page(request.GET.get("page")),
        "status": status,
        "statuses": ItemReport.State.choices,
        "trail": [*trail_of(task), {"label": _("Reports")}],
    }
    return render(request, "tasks_app/item_reports/reports.html", context)
