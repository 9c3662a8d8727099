"""Shapes of submissions to all tasks."""

from typing import Any

from rest_framework import serializers

from tasks_app.runs.serializers import SubmittedModel


class WholeSubmissionForm(SubmittedModel):
    """The outputs for all tasks as one file."""

    example = {"model_name": "larch-3", "maker": "Arbor", "file": "@outputs.zip"}

    file = serializers.FileField(
        help_text="A ZIP with a JSONL or CSV file for each task, named after its slug or number; "
        "or one JSONL or CSV file: task, id, output[, repeat]."
    )


class WholeSubmissionDetail(serializers.Serializer[Any]):
    """The contender's entry, and the run of each task."""

    entry = serializers.IntegerField()
    contender = serializers.CharField()
    runs = serializers.ListField(child=serializers.IntegerField())
