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

_MAX_START = 999_999_999


class ProgramRunViewSet(ResourceViewSet[Run]):
    subject = "Programs"
    parameter_descriptions = {"run_id": "The run's id."}
    lookup_field = "run_id"
    lookup_value_converter = "int"

    def get_object(self) -> Run:
        return programs.program_run_at(run_id=self.kwargs["run_id"], to=self.request.user)

    @extend_schema(
        operation_id="get_run_log",
        responses=serializers.LogDetail,
        parameters=[
            OpenApiParameter(
                "start",
                {"type": "integer", "minimum": 0, "maximum": _MAX_START, "default": 0},
                description="Where to begin: `next` of the response before.",
            )
        ],
    )
    @action(detail=True)
    def log(self, request: Request, run_id: int) -> Response:
        """Return the program's output. It can be read during the run; continue from `next`."""
        run = self.get_object()
        start = request.query_params.get("start", "0")
        if not (start.isascii() and start.isdigit() and len(start) <= len(str(_MAX_START))):
            raise InvalidInput([Problem("must be a whole number", "start")])
        return Response(serializers.LogDetail(programs.log_of(run, start=int(start))).data)

    @extend_schema(operation_id="get_run_report", responses=serializers.ProgramReportDetail)
    @action(detail=True)
    def report(self, request: Request, run_id: int) -> Response:
        """Return the report of a program.

        It has the findings in the code and its output, and how to fix what is missing.
        """
        run = self.get_object()
        report = programs.report_of(run, programs.artifacts_of(run))
        return Response(serializers.ProgramReportDetail(report).data)

    @extend_schema(
        operation_id="download_artifacts",
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    @action(detail=True, url_path="artifacts.zip")
    def artifacts_zip(self, request: Request, run_id: int) -> FileResponse:
        """Return all files that the program wrote, with their original bytes, as a ZIP."""
        return zip_response(self.get_object())


class ArtifactViewSet(ResourceViewSet[RunArtifact]):
    subject = "Programs"
    parameter_descriptions = {
        "run_id": "The run's id.",
        "artifact_id": "The file's id, from the list of files.",
    }
    lookup_field = "artifact_id"
    lookup_value_converter = "int"
    pagination_class = None
    filter_backends = ()

    @extend_schema(operation_id="list_artifacts", responses=serializers.ArtifactDetail(many=True))
    def list(self, request: Request, run_id: int) -> Response:
        """List the files that the program wrote."""
        run = programs.program_run_at(run_id=run_id, to=request.user)
        return Response(serializers.ArtifactDetail(programs.artifacts_of(run), many=True).data)

    @extend_schema(
        operation_id="download_artifact",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def retrieve(self, request: Request, run_id: int, artifact_id: int) -> FileResponse:
        """Return one file, with its original bytes."""
        run = programs.program_run_at(run_id=run_id, to=request.user)
        return file_response(run, artifact_id)
