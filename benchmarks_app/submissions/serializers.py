"""Shapes of submissions to all tasks."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from tasks_app.runs.serializers import MAX_OUTPUTS, SubmittedModel


class WholeSubmissionForm(SubmittedModel):
    """The outputs for all tasks as one file."""

    example = {"model_name": "larch-3", "maker": "Arbor", "file": "@outputs.zip"}

    file = serializers.FileField(
        help_text="A ZIP with a JSONL or CSV file for each task, named after its slug or number; "
        "or one JSONL or CSV file: task, id, output[, repeat].",
        error_messages={"required": _("give a file, or send rows of outputs by task as JSON")},
    )


class WholeSubmissionWrite(SubmittedModel):
    """The outputs for all tasks as rows."""

    example = {
        "model_name": "larch-3",
        "maker": "Arbor",
        "outputs": {
            "capitals": [{"id": "FR", "output": "Paris"}, {"id": "PE", "output": "Lima"}],
            "arbor/rivers": [{"id": "FR", "output": "the Loire"}],
        },
    }

    outputs = serializers.DictField(
        child=serializers.ListField(child=serializers.DictField()),
        help_text="By task, named by its slug, owner/slug, number or id: rows of id, output"
        "[, repeat].",
        error_messages={"required": _("give rows by task, or send a file as multipart/form-data")},
    )

    def validate_outputs(self, outputs: dict[str, list[Any]]) -> dict[str, list[Any]]:
        count = sum(len(rows) for rows in outputs.values())
        if count > MAX_OUTPUTS:
            raise serializers.ValidationError(
                f"There are {count:,} rows; at most {MAX_OUTPUTS:,} are taken at once. Send a "
                "file for each task in a ZIP."
            )
        return outputs


class WholeSubmissionDetail(serializers.Serializer[Any]):
    """The contender's entry, and the run of each task."""

    entry = serializers.IntegerField()
    contender = serializers.CharField()
    runs = serializers.ListField(child=serializers.IntegerField())
