"""What runs of code left."""

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.code_tasks import queries as programs
from tasks_app.code_tasks import serializers
from tasks_app.code_tasks.downloads import file_response, zip_response


class LogView(APIView):
    @extend_schema(
        responses=serializers.LogDetail, parameters=[OpenApiParameter("start", int, required=False)]
    )
    def get(self, request: Request, run_id: int) -> Response:
        """Return the program's output, while it runs and after; ask on from `next`."""
        run = programs.program_run_at(run_id=run_id, to=request.user)
        start = request.query_params.get("start", "0")
        if not (start.isascii() and start.isdigit() and len(start) < 10):
            raise InvalidInput([Problem("must be a whole number", "start")])
        return Response(serializers.LogDetail(programs.log_of(run, start=int(start))).data)


class ReportView(APIView):
    @extend_schema(responses=serializers.ProgramReportDetail)
    def get(self, request: Request, run_id: int) -> Response:
        """Return the findings in the code and in what it left, and how to mend what is missing."""
        run = programs.program_run_at(run_id=run_id, to=request.user)
        return Response(serializers.ProgramReportDetail(programs.report_of(run)).data)


class ArtifactList(APIView):
    @extend_schema(responses=serializers.ArtifactDetail(many=True))
    def get(self, request: Request, run_id: int) -> Response:
        """Return the files that the program left."""
        run = programs.program_run_at(run_id=run_id, to=request.user)
        return Response(serializers.ArtifactDetail(programs.artifacts_of(run), many=True).data)


class ArtifactZip(APIView):
    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, run_id: int) -> FileResponse:
        """Return all of them, with their original bytes, as a zip."""
        return zip_response(programs.program_run_at(run_id=run_id, to=request.user))


class ArtifactFile(APIView):
    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, run_id: int, artifact_id: int) -> FileResponse:
        """Return one file, with its original bytes."""
        run = programs.program_run_at(run_id=run_id, to=request.user)
        return file_response(run, artifact_id)
