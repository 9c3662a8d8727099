"""Jobs below `/api/v1/jobs`."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.accounts.callers import actor
from plumbmark.background.actions import cancel_job
from plumbmark.background.models import Job
from plumbmark.background.queries import job_at, jobs_of
from plumbmark.background.serializers import JobDetail
from plumbmark.rest.routers import Router
from plumbmark.rest.viewsets import ResourceViewSet

RETRY_SECONDS = 2


def respond_with_job(job: Job) -> Response:
    """Return 202 with the job, where it is read, and when to look again."""
    headers = {"Location": f"/api/v1/jobs/{job.public_id}", "Retry-After": str(RETRY_SECONDS)}
    return Response(JobDetail(job).data, status=202, headers=headers)


@extend_schema_view(list=extend_schema(operation_id="list_jobs"))
class JobViewSet(ListModelMixin, ResourceViewSet[Job]):
    """List the jobs of the namespaces that you can act for, newest first.

    They are deleted some time after their end: a month, unless the operators chose another time.
    """

    subject = "Jobs"
    parameter_descriptions = {"public_id": "The job's id."}
    permission_classes = (IsAuthenticated,)
    serializer_class = JobDetail
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Job]:
        return jobs_of(self.request.user)

    def get_object(self) -> Job:
        return job_at(public_id=self.kwargs["public_id"], to=self.request.user)

    @extend_schema(operation_id="get_job", responses=JobDetail)
    def retrieve(self, request: Request, public_id: str) -> Response:
        """Return a job: how far it is, and at its end the result or the error.

        `Retry-After` says when it is worth reading again.
        """
        job = self.get_object()
        headers = {"Retry-After": str(RETRY_SECONDS)} if job.is_live else {}
        return Response(JobDetail(job).data, headers=headers)

    @extend_schema(operation_id="cancel_job", request=None, responses=JobDetail)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, public_id: str) -> Response:
        """Cancel a job that has yet to end. One that has ended stays as it is."""
        job = cancel_job(job=self.get_object(), by=actor(request))
        return Response(JobDetail(job).data)


router = Router()
router.register("jobs", JobViewSet, "job")

urlpatterns = router.urls
