"""Shapes of jobs in the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from plumbmark.background.models import Job
from plumbmark.rest.problems import InputProblem


class JobError(serializers.Serializer[Any]):
    """Why a job failed: what the request would have answered."""

    status = serializers.IntegerField(help_text="The status that the request would have had.")
    code = serializers.CharField(help_text="The kind of error, for programs.")
    detail = serializers.CharField(help_text="What is wrong, and how to correct it.")
    problems = InputProblem(many=True, required=False, help_text="Of invalid input.")


class JobDetail(serializers.ModelSerializer[Job]):
    """Work on something large, done by a worker."""

    id = serializers.CharField(source="public_id")
    namespace = serializers.CharField(source="namespace.handle")
    state = serializers.ChoiceField(choices=Job.State.choices)
    total = serializers.IntegerField(
        allow_null=True, help_text="How much this step has to do; null: not known."
    )
    done = serializers.IntegerField(help_text="How much of this step is done.")
    result = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = (
            "id",
            "kind",
            "namespace",
            "subject",
            "title",
            "state",
            "step",
            "done",
            "total",
            "result",
            "error",
            "created_at",
            "started_at",
            "finished_at",
        )

    def get_result(self, job: Job) -> dict[str, Any] | None:
        """Return what the request would have answered; null until the job is completed."""
        if job.state != Job.State.COMPLETED or job.result is None:
            return None
        value: dict[str, Any] = job.result["value"]
        return value

    @extend_schema_field(JobError(allow_null=True))
    def get_error(self, job: Job) -> dict[str, Any] | None:
        """Return why it failed; null otherwise."""
        return None if job.error is None else dict(JobError(job.error).data)
