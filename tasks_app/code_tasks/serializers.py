"""Shapes of a program's log, files and report in the API."""

from typing import Any

from rest_framework import serializers

from tasks_app.authoring.serializers import FindingDetail
from tasks_app.models import (
    RunArtifact,
)


class LogDetail(serializers.Serializer[Any]):
    text = serializers.CharField()
    next = serializers.IntegerField(help_text="Pass as `?start=` to continue.")
    is_over = serializers.BooleanField()


class ArtifactDetail(serializers.ModelSerializer[RunArtifact]):
    class Meta:
        model = RunArtifact
        fields = ("id", "path", "size", "sha256")


class FoundTask(serializers.Serializer[Any]):
    task = serializers.CharField()
    place = serializers.CharField()
    calls = serializers.ListField(child=serializers.CharField())
    counts = serializers.BooleanField()
    has_result = serializers.BooleanField(allow_null=True)


class ProgramReportDetail(serializers.Serializer[Any]):
    """The findings in the code and its output, what is missing, and how to fix it."""

    tasks = FoundTask(many=True)
    environment = serializers.CharField()
    timeout_minutes = serializers.IntegerField()
    ending = serializers.CharField()
    exit_code = serializers.IntegerField(allow_null=True)
    wall_seconds = serializers.FloatField(allow_null=True)
    peak_memory_bytes = serializers.IntegerField(allow_null=True)
    requests = serializers.IntegerField(allow_null=True)
    statuses = serializers.DictField(
        child=serializers.IntegerField(), help_text="The number of responses by status code."
    )
    failed_requests = serializers.IntegerField(
        help_text="Failures of the provider or the platform (408, 425, 429, 5xx, or no response)."
    )
    failure = serializers.CharField()
    artifacts = serializers.ListField(child=serializers.CharField())
    left_out = serializers.ListField(child=serializers.DictField())
    findings = FindingDetail(many=True)
