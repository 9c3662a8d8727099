"""Shapes of a definition's form in the REST API."""

from typing import Any

from rest_framework import serializers

from plumbmark.rest.serializers import WriteShape
from tasks_app.authoring.serializers import PreviewItem
from tasks_app.definition_form.actions import MAX_CHANGES


class DefinitionField(serializers.Serializer[Any]):
    """One field of the form."""

    place = serializers.CharField(help_text="As in problems, for example `scorers[0].type`.")
    kind = serializers.CharField(
        help_text="line, long, number, check, select, checks, lines or json."
    )
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField()
    value = serializers.JSONField(help_text="The value in the text; null if it is left out.")
    default = serializers.CharField(help_text="If the value is left out; empty for none.")
    options = serializers.ListField(
        child=serializers.CharField(), help_text="The values of a choice."
    )
    is_required = serializers.BooleanField()


class DefinitionFields(serializers.Serializer[Any]):
    """The draft's definition as fields."""

    fields = DefinitionField(many=True)  # type: ignore[assignment]
    kept = serializers.ListField(
        child=serializers.CharField(), help_text="Keys for which there is no field."
    )


class DefinitionChangeWrite(WriteShape):
    example = {"place": "prompt.system", "value": "Answer with one word."}

    place = serializers.CharField(max_length=1000)
    value = serializers.JSONField(
        required=False, help_text="The new value. Without it, what is there is taken away."
    )


class DefinitionChangesWrite(WriteShape):
    example = {"changes": [{"place": "sampling.temperature", "value": 0}]}

    changes = serializers.ListField(
        child=DefinitionChangeWrite(), min_length=1, max_length=MAX_CHANGES
    )


class PromptsWrite(WriteShape):
    example = {"item": "q3"}

    definition = serializers.CharField(
        required=False,
        trim_whitespace=False,
        help_text="A text that is not saved, instead of the draft's.",
    )
    item = serializers.CharField(
        required=False,
        max_length=1000,
        help_text="The id of an item, or its number from 1; `#3` is a number in any case.",
    )


class DraftPrompts(serializers.Serializer[Any]):
    """Items as they will be asked, from one on."""

    start = serializers.IntegerField(help_text="The number of the first item here.")
    items = PreviewItem(many=True, source="first")
    warnings = serializers.ListField(child=serializers.CharField())
