"""Shapes of a draft's rows in the API."""

from typing import Any

from rest_framework import serializers

from plumbmark.rest.serializers import WriteShape


class RowDetail(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="From 0, in the order of the file.")
    digest = serializers.CharField(help_text="Of the row as it is now; changes name it.")
    values = serializers.DictField(allow_null=True, help_text="Null if the row cannot be read.")
    problems = serializers.ListField(
        child=serializers.CharField(), help_text="What is wrong with the row by itself."
    )


class RowPage(serializers.Serializer[Any]):
    columns = serializers.ListField(child=serializers.CharField())
    total = serializers.IntegerField(help_text="Rows of the file.")
    selected = serializers.IntegerField(help_text="Rows that search and filter leave.")
    next_page = serializers.IntegerField(allow_null=True)
    rows = RowDetail(many=True)
    notes = serializers.ListField(
        child=serializers.CharField(), help_text="Why rows are not checked."
    )


class RowAddWrite(WriteShape):
    example = {"values": {"id": "q7", "question": "What is 2 + 2?", "answer": "4"}}

    values = serializers.DictField(allow_empty=False, help_text="By column.")


class RowChangeWrite(RowAddWrite):
    example = {
        "digest": "0f1e2d3c4b5a6978",
        "values": {"id": "q7", "question": "What is 2 + 2?", "answer": "4"},
    }

    digest = serializers.CharField(max_length=32, help_text="Of the row as you saw it.")


class SeenRowWrite(WriteShape):
    example = {"number": 6, "digest": "0f1e2d3c4b5a6978"}

    number = serializers.IntegerField(min_value=0, max_value=10**9)
    digest = serializers.CharField(max_length=32)


class RowsDeleteWrite(WriteShape):
    example = {"rows": [{"number": 6, "digest": "0f1e2d3c4b5a6978"}]}

    rows = SeenRowWrite(many=True)


class TableChange(serializers.Serializer[Any]):
    """The draft's file after a change."""

    name = serializers.CharField()
    bytes = serializers.IntegerField(source="size")
    sha256 = serializers.CharField()
