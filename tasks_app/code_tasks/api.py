"""Logs, reports and files of runs of code."""

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.code_tasks import queries as programs
from tasks_app.code_tasks import serializers
from tasks_app.code_tasks.downloads import file_response, zip_response
from tasks_app.models import Run, RunArtifact


class ProgramRunViewSet(ResourceViewSet[Run]):
    lookup_field = "run_id"
    lookup_value_converter = "int"

    def get_object(self) -> Run:
        return programs.program_run_at(run_id=self.kwargs["run_id"], to=self.request.user)

    @extend_schema(
        responses=serializers.LogDetail, parameters=[OpenApiParameter("start", int, required=False)]
    )
    @action(detail=True)
    def log(self, request: Request, run_id: int) -> Response:
        """Return the program's output, during the run and after; continue from `next`."""
        run = self.get_object()
        start = request.query_params.get("start", "0")
        if not (start.isascii() and start.isdigit() and len(start) < 10):
            raise InvalidInput([Problem("must be a whole number", "start")])
        return Response(serializers.LogDetail(programs.log_of(run, start=int(start))).data)

    @extend_schema(responses=serializers.ProgramReportDetail)
    @action(detail=True)
    def report(self, request: Request, run_id: int) -> Response:
        """Return the findings in the code and its output, and how to fix what is missing."""
        report = programs.report_of(self.get_object())
        return Response(serializers.ProgramReportDetail(report).data)

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True, url_path="artifacts.zip")
    def artifacts_zip(self, request: Request, run_id: int) -> FileResponse:
        """Return all files that the program wrote, with their original bytes, as a ZIP."""
        return zip_response(self.get_object())


class ArtifactViewSet(ResourceViewSet[RunArtifact]):
    lookup_field = "artifact_id"
    lookup_value_converter = "int"
    pagination_class = None
    filter_backends = ()

    @extend_schema(responses=serializers.ArtifactDetail(many=True))
    def list(self, request: Request, run_id: int) -> Response:
        """List the files that the program wrote."""
        run = programs.program_run_at(run_id=run_id, to=request.user)
        return Response(serializers.ArtifactDetail(programs.artifacts_of(run), many=True).data)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def retrieve(self, request: Request, run_id: int, artifact_id: int) -> FileResponse:
        """Return one file, with its original bytes."""
        run = programs.program_run_at(run_id=run_id, to=request.user)
        return file_response(run, artifact_id)
