"""Shapes of tables in the REST API."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from plumbmark.rest.serializers import WriteShape
from tasks_app.models import TableProfile
from tasks_app.tables.actions import MAX_JUDGES
from tasks_app.tables.encodings import LABELS
from tasks_app.tables.profiles import MAX_COLUMNS
from tasks_app.tables.roles import KINDS
from tasks_app.tables.separators import SEPARATORS


class MarkDetail(serializers.Serializer[Any]):
    text = serializers.CharField()
    count = serializers.IntegerField()


class ColumnDetail(serializers.Serializer[Any]):
    """The values of the rows in one column."""

    name = serializers.CharField()
    kind = serializers.CharField(
        help_text="text, number, yes or no, list, object, image, audio, mixed or empty."
    )
    filled = serializers.IntegerField()
    blank = serializers.IntegerField()
    distinct = serializers.IntegerField()
    is_unique = serializers.BooleanField()
    longest = serializers.IntegerField(help_text="In characters.")
    mean_length = serializers.FloatField(help_text="In characters.")
    examples = serializers.ListField(child=serializers.CharField())
    values = serializers.DictField(
        child=serializers.IntegerField(),
        allow_null=True,
        help_text="How often each value is there; null where there are more than 40.",
    )
    mark = MarkDetail(
        allow_null=True, help_text="What nearly all values have before a number at their end."
    )


class RolesDetail(serializers.Serializer[Any]):
    """The purposes of columns: names of columns by their roles."""

    kind = serializers.ChoiceField(choices=KINDS)
    question = serializers.ListField(child=serializers.CharField())
    answer = serializers.CharField()
    after = serializers.CharField()
    options = serializers.ListField(child=serializers.CharField())
    target_is = serializers.CharField()
    id = serializers.CharField()
    cluster = serializers.CharField()
    slices = serializers.ListField(child=serializers.CharField())
    split = serializers.CharField()
    private = serializers.ListField(child=serializers.CharField())
    images = serializers.ListField(child=serializers.CharField())


class TableDetail(serializers.ModelSerializer[TableProfile]):
    """The draft's file as a table, with the roles that its columns seem to have."""

    file = serializers.SerializerMethodField()
    format = serializers.SerializerMethodField()
    notes = serializers.SerializerMethodField(help_text="What was decided or mended in reading it.")
    sheets = serializers.SerializerMethodField()
    rows = serializers.IntegerField(source="content.rows")
    columns = ColumnDetail(source="content.columns", many=True)
    oddities = serializers.ListField(child=serializers.CharField(), source="content.oddities")
    roles = RolesDetail(source="content.roles")

    class Meta:
        model = TableProfile
        fields = ("file", "format", "notes", "sheets", "rows", "columns", "oddities", "roles")

    def get_file(self, profile: TableProfile) -> str:
        """Return the name of the file as its author gave it."""
        data_file = profile.data_file
        return (data_file.converted_from or data_file).name

    def get_format(self, profile: TableProfile) -> str:
        return str((profile.data_file.conversion or {}).get("format", ""))

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_notes(self, profile: TableProfile) -> list[str]:
        return list((profile.data_file.conversion or {}).get("notes", ()))

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_sheets(self, profile: TableProfile) -> list[str]:
        return list((profile.data_file.conversion or {}).get("sheets", ()))


class ReadingWrite(WriteShape):
    """Options for reading the draft's file; what is left out is guessed."""

    example = {"encoding": "cp1250", "separator": ";", "has_head": True}

    encoding = serializers.ChoiceField(choices=list(LABELS.items()), required=False)
    separator = serializers.ChoiceField(choices=list(SEPARATORS.items()), required=False)
    sheet = serializers.CharField(max_length=200, required=False)
    has_head = serializers.BooleanField(default=True)


def _name() -> serializers.CharField:
    return serializers.CharField(
        max_length=300, allow_blank=True, required=False, trim_whitespace=False
    )


def _names(most: int = MAX_COLUMNS) -> serializers.ListField:
    child = serializers.CharField(max_length=300, trim_whitespace=False)
    return serializers.ListField(child=child, max_length=most, required=False)


class ColumnsWrite(WriteShape):
    """A kind of task, and names of columns by their roles."""

    example = {
        "kind": "choices",
        "question": ["question"],
        "answer": "answer",
        "options": ["A", "B", "C", "D"],
        "target_is": "letter",
        "slices": ["subject"],
    }

    kind = serializers.ChoiceField(choices=KINDS)
    question = _names()
    answer = _name()
    after = _name()
    options = _names()
    target_is = serializers.ChoiceField(
        choices=["letter", "text", "index", "number"], required=False
    )
    id = _name()
    cluster = _name()
    slices = _names()
    split = _name()
    private = _names()
    images = _names()
    judges = _names(MAX_JUDGES)
    keeps_definition = serializers.BooleanField(
        default=False, help_text="Only the part about the data changes."
    )
