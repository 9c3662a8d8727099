"""Reports of items: making, listing and deciding them."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.accounts.callers import actor
from plumbmark.background.api import respond_with_job
from plumbmark.background.serializers import JobDetail
from plumbmark.common.errors import NotAllowed
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.authoring.api import get_task_or_404, get_version_or_404
from tasks_app.authoring.queries import items_of
from tasks_app.item_reports import serializers as shapes
from tasks_app.item_reports.accept_jobs import is_heavy_acceptance, start_acceptance
from tasks_app.item_reports.actions import (
    accept_report,
    decline_report,
    item_to_correct,
    report_item,
    withdraw_report,
)
from tasks_app.item_reports.effects import moves_of, waiting_benchmarks
from tasks_app.item_reports.permissions import can_decide_report
from tasks_app.item_reports.queries import report_at, reports_of_task
from tasks_app.item_reports.targets import clean_target
from tasks_app.models import Item, ItemReport, Task
from tasks_app.scorings.progress import rescoring_progress
from tasks_app.scorings.rescoring_scope import rescoring_scope


class TaskReportViewSet(ResourceViewSet[Task]):
    subject = "Items"
    parameter_descriptions = {"public_id": "The task's id."}
    filter_backends = ()

    @extend_schema(operation_id="list_item_reports", responses=shapes.ItemReportSummary(many=True))
    @action(detail=True, url_path="item-reports")
    def item_reports(self, request: Request, public_id: str) -> Response:
        """List the reports on a task's items that you can see, newest first."""
        task = get_task_or_404(public_id, request)
        reports = reports_of_task(task, to=request.user)
        return self.respond_with_page(reports, shapes.ItemReportSummary)


class ItemReportsViewSet(ResourceViewSet[Item]):
    subject = "Items"
    parameter_descriptions = {
        "public_id": "The version's id.",
        "position": "The item's position in its version, from 0.",
    }
    lookup_field = "position"
    lookup_value_converter = "int"
    filter_backends = ()
    pagination_class = None

    def get_queryset(self) -> QuerySet[Item]:
        version = get_version_or_404(self.kwargs["public_id"], self.request)
        return items_of(version, to=self.request.user)

    @extend_schema(
        operation_id="report_item",
        request=shapes.ItemReportWrite,
        responses={201: shapes.ItemReportDetail, 409: ProblemDetails, 429: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], url_path="reports", permission_classes=[IsAuthenticated])
    def reports(self, request: Request, public_id: str, position: int) -> Response:
        """Report a wrong key or an ambiguous question to the task's authors.

        The report is public for all who see the item, and is never removed. A person may make 20 in
        a day, and have one open report on an item.
        """
        user = actor(request)
        version = get_version_or_404(public_id, request)
        item = get_object_or_404(items_of(version, to=user), position=position)
        values = read_body(request, shapes.ItemReportWrite)
        report = report_item(version=version, item=item, by=user, **values)
        return Response(serialize_report(report, request), status=201)


def serialize_report(report: ItemReport, request: Request) -> Any:
    """Return a report with what followed from it, as far as the caller may see that."""
    corrected = report.resulting_version
    data = dict(shapes.ItemReportSummary(report).data)
    progress = None if corrected is None else rescoring_progress(corrected)
    moves = moves_of(report, to=request.user)
    waiting = waiting_benchmarks(report, to=request.user)
    data["rescoring"] = None if progress is None else shapes.RescoringProgressDetail(progress).data
    data["boards"] = shapes.BoardMoveDetail(moves, many=True).data
    data["waiting_benchmarks"] = shapes.WaitingBenchmarkDetail(waiting, many=True).data
    return data


class ItemReportViewSet(ResourceViewSet[ItemReport]):
    subject = "Items"
    parameter_descriptions = {"public_id": "The report's id."}
    filter_backends = ()
    pagination_class = None

    def get_object(self) -> ItemReport:
        return report_at(public_id=self.kwargs["public_id"], to=self.request.user)

    @extend_schema(operation_id="get_item_report", responses=shapes.ItemReportDetail)
    def retrieve(self, request: Request, public_id: str) -> Response:
        """Return a report: its decision, how far the scorings are, and every row that moved."""
        return Response(serialize_report(self.get_object(), request))

    @extend_schema(
        operation_id="get_item_report_scope",
        responses={200: shapes.RescoringScopeDetail, 409: ProblemDetails},
    )
    @action(detail=True, permission_classes=[IsAuthenticated])
    def scope(self, request: Request, public_id: str) -> Response:
        """Return what accepting a report would score anew, and what judges cost. Changes
        nothing.
        """
        report = self.get_object()
        user = actor(request)
        if not can_decide_report(user, report):
            raise NotAllowed("Only the task's authors decide on reports.")
        version, _item = item_to_correct(report)
        scope = rescoring_scope(version, by=user)
        data = {
            "runs": scope.runs,
            "outputs": scope.outputs,
            "needs_sandbox": scope.needs_sandbox,
            "judges_cost": None if scope.bound is None else str(scope.bound.total),
        }
        return Response(shapes.RescoringScopeDetail(data).data)

    @extend_schema(
        operation_id="accept_item_report",
        request=shapes.AcceptReportWrite,
        responses={200: shapes.ItemReportDetail, 202: JobDetail, 409: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated])
    def accept(self, request: Request, public_id: str) -> Response:
        """Correct the key of the reported item, and score all stored outputs anew.

        A version with the same questions and the corrected key is published. No model is asked for
        an answer. When all outputs are scored, your benchmarks with this task follow in a new
        version. With 10,000 items or more the response is 202, and a job does it.
        """
        report = self.get_object()
        user = actor(request)
        values = read_body(request, shapes.AcceptReportWrite)
        target, note = clean_target(values["target"]), values.get("note", "")
        if report.is_open and can_decide_report(user, report):
            version, _item = item_to_correct(report)
            if is_heavy_acceptance(version):
                job = start_acceptance(report=report, target=target, note=note, by=user)
                return respond_with_job(job)
        accept_report(report=report, target=target, note=note, by=user)
        return Response(serialize_report(report, request))

    @extend_schema(
        operation_id="decline_item_report",
        request=shapes.DeclineReportWrite,
        responses={200: shapes.ItemReportDetail, 409: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated])
    def decline(self, request: Request, public_id: str) -> Response:
        """Decline a report for a public reason. The item stays as it is."""
        note = read_body(request, shapes.DeclineReportWrite)["note"]
        report = decline_report(report=self.get_object(), note=note, by=actor(request))
        return Response(serialize_report(report, request))

    @extend_schema(
        operation_id="withdraw_item_report",
        request=None,
        responses={200: shapes.ItemReportDetail, 409: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated])
    def withdraw(self, request: Request, public_id: str) -> Response:
        """Withdraw your own open report. It stays in the list."""
        report = withdraw_report(report=self.get_object(), by=actor(request))
        return Response(serialize_report(report, request))
