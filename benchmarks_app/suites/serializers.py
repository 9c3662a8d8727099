"""Shapes of model suites."""

from typing import Any

from rest_framework import serializers

from benchmarks_app.models import ModelSuite
from benchmarks_app.suites.actions import MAX_SUITE_CONTENDERS
from plumbmark.rest.serializers import WriteShape
from tasks_app.runs.serializers import ContenderDetail


class SuiteSummary(serializers.ModelSerializer[ModelSuite]):
    id = serializers.CharField(source="public_id")
    namespace = serializers.CharField(
        source="namespace.handle", allow_null=True, default=None, help_text="null: the platform's."
    )
    url = serializers.CharField(source="get_absolute_url")

    class Meta:
        model = ModelSuite
        fields = (
            "id",
            "namespace",
            "name",
            "description",
            "is_public",
            "created_at",
            "updated_at",
            "url",
        )


class SuiteDetail(serializers.Serializer[Any]):
    """A suite with the contenders that you see."""

    suite = SuiteSummary()
    fingerprint = serializers.CharField(
        help_text="Send it with a change, so that nobody's save is overwritten."
    )
    contenders = ContenderDetail(many=True)


class SuiteWrite(WriteShape):
    example = {"name": "Small open models", "contenders": ["c9Tq4mWx8LbR"]}

    name = serializers.CharField(max_length=80)
    contenders = serializers.ListField(
        child=serializers.CharField(max_length=20), max_length=MAX_SUITE_CONTENDERS
    )
    description = serializers.CharField(required=False, allow_blank=True, max_length=300)
    is_public = serializers.BooleanField(required=False)
    namespace = serializers.CharField(required=False, help_text="Your own by default.")
    of_platform = serializers.BooleanField(required=False, help_text="Only staff may set it.")


class SuiteChange(WriteShape):
    example = {"contenders": ["c9Tq4mWx8LbR"], "is_public": True}

    name = serializers.CharField(required=False, max_length=80)
    contenders = serializers.ListField(
        child=serializers.CharField(max_length=20),
        max_length=MAX_SUITE_CONTENDERS,
        required=False,
    )
    description = serializers.CharField(required=False, allow_blank=True, max_length=300)
    is_public = serializers.BooleanField(required=False)
    fingerprint = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=40,
        help_text="Of the suite that you read; where it is another by now, nothing is saved.",
    )
