"""The endpoint of submissions to all tasks of a benchmark's version."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks_app.api.lookup import get_benchmark_version_or_404
from benchmarks_app.models import BenchmarkVersion
from benchmarks_app.submissions import jobs
from benchmarks_app.submissions.actions import submit_to_all
from benchmarks_app.submissions.serializers import (
    WholeSubmissionDetail,
    WholeSubmissionForm,
    WholeSubmissionWrite,
)
from plumbmark.accounts.callers import acting_namespace, actor
from plumbmark.background.api import respond_with_job
from plumbmark.background.serializers import JobDetail
from plumbmark.rest.idempotency import idempotent
from plumbmark.rest.parsers import FILE_PARSERS
from plumbmark.rest.problems import ProblemDetails
from plumbmark.rest.serializers import read_body
from plumbmark.rest.viewsets import ResourceViewSet
from tasks_app.runs.submissions import NamedModel


class WholeSubmissionViewSet(ResourceViewSet[BenchmarkVersion]):
    subject = "Benchmarks"
    parameter_descriptions = {"public_id": "The version's id."}
    parser_classes = FILE_PARSERS

    @extend_schema(
        operation_id="submit_outputs_to_benchmark",
        request={
            "application/json": WholeSubmissionWrite,
            "multipart/form-data": WholeSubmissionForm,
        },
        responses={201: WholeSubmissionDetail, 202: JobDetail, 503: ProblemDetails},
    )
    @idempotent
    @action(detail=True, methods=["post"], url_path="submissions")
    def submit_all(self, request: Request, public_id: str) -> Response:
        """Submit the outputs of one model to all tasks. All are accepted, or none.

        They are a file, or rows by task in JSON. Problems name the task and the line, or the number
        of the row. With many items, or a large file, the response is 202, and the entry and its
        runs are the job's `result`.
        """
        version = get_benchmark_version_or_404(public_id, request)
        user = actor(request)
        values = read_body(request, WholeSubmissionWrite, form=WholeSubmissionForm)
        given: dict[str, Any] = {
            "version": version,
            "model": NamedModel(
                values["model_name"], values.get("maker", ""), values.get("description", "")
            ),
            "namespace": acting_namespace(request, values.get("namespace")),
            "upload": values.get("file"),
            "rows": values.get("outputs"),
            "by": user,
        }
        if jobs.is_heavy(version, values.get("file")):
            return respond_with_job(jobs.start_whole_submission(**given))
        done = submit_to_all(**given)
        return Response(jobs.describe_whole_submission(done), status=201)
