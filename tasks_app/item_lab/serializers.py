"""Shapes of analyses of items in the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class ItemCounts(serializers.Serializer[Any]):
    all_right = serializers.IntegerField(help_text="Items that every row gets right.")
    none_right = serializers.IntegerField(help_text="Items for which no row gets any credit.")
    key_doubts = serializers.IntegerField(help_text="Items whose key looks wrong.")
    near_duplicates = serializers.IntegerField(help_text="Items nearly the same as another one.")
    only_one = serializers.IntegerField(help_text="Items that one row alone gets right.")


class SaturationDetail(serializers.Serializer[Any]):
    """A measure of how much the task as a whole still tells models apart."""

    rows = serializers.IntegerField()
    items = serializers.IntegerField(help_text="Items with a score.")
    best = serializers.FloatField(allow_null=True, help_text="The best row's mean, from 0 to 1.")
    median = serializers.FloatField(allow_null=True)
    informative = serializers.IntegerField(help_text="Items on which rows differ.")
    is_saturated = serializers.BooleanField(help_text="The best row is at 0.95 or above it.")


class ItemAnalysisDetail(serializers.Serializer[Any]):
    task_version = serializers.CharField(help_text="The version's id.")
    includes_private = serializers.BooleanField(
        help_text="Private items are among the items, because you may see them."
    )
    finding = serializers.CharField(help_text="The findings in a few sentences.")
    notes = serializers.ListField(
        child=serializers.CharField(), help_text="Numbers that need more rows, and limits."
    )
    items = serializers.IntegerField()
    rows = serializers.IntegerField(help_text="Rows compared: the newest run of each contender.")
    rows_left_out = serializers.IntegerField(help_text="Older rows beyond the limit.")
    is_fitted = serializers.BooleanField(help_text="The two-parameter model was fitted.")
    counts = ItemCounts()
    saturation = SaturationDetail(
        allow_null=True, help_text="Null without rows, or if the metric has no bounds."
    )
    duplicate_pairs = serializers.IntegerField(help_text="Pairs of near-duplicates.")
    computed_at = serializers.DateTimeField()


class SuspectedKeyDetail(serializers.Serializer[Any]):
    """The strongest rows agree on an answer that the key calls wrong."""

    answer = serializers.CharField(help_text="The answer that they agree on, shortened.")
    agreeing = serializers.IntegerField()
    strong = serializers.IntegerField(help_text="Strong rows that answered.")
    right = serializers.IntegerField(help_text="Strong rows that give the key.")


class DuplicateDetail(serializers.Serializer[Any]):
    position = serializers.IntegerField()
    similarity = serializers.FloatField(help_text="The Jaccard index of the texts, 0.8 to 1.")


class OnlyRowDetail(serializers.Serializer[Any]):
    contender = serializers.CharField(source="public_id")
    label = serializers.CharField()  # type: ignore[assignment]


class SampleOfItem(serializers.Serializer[Any]):
    run = serializers.IntegerField()
    ordinal = serializers.IntegerField()


class AnalysedItemDetail(serializers.Serializer[Any]):
    """One item with its numbers; null where there are too few rows."""

    item = serializers.CharField(source="item.key", help_text="The item's id.")
    position = serializers.IntegerField(source="item.position")
    rows = serializers.IntegerField(help_text="Rows with a score on it.")
    difficulty = serializers.FloatField(
        allow_null=True, help_text="The mean score of all rows, from 0 (hard) to 1 (easy)."
    )
    discrimination = serializers.FloatField(
        allow_null=True,
        help_text="The point-biserial correlation with the mean of the other items, from -1 to 1.",
    )
    slope = serializers.FloatField(
        allow_null=True, help_text="Of the two-parameter fit: discrimination, a."
    )
    place = serializers.FloatField(
        allow_null=True,
        help_text="Of the two-parameter fit: difficulty, b. High is hard, unlike `difficulty`.",
    )
    all_right = serializers.BooleanField()
    none_right = serializers.BooleanField()
    only_right = OnlyRowDetail(
        source="only", allow_null=True, help_text="The row that alone gets it right."
    )
    suspected_key = SuspectedKeyDetail(source="doubt", allow_null=True)
    near_duplicates = serializers.SerializerMethodField()
    sample = serializers.SerializerMethodField(
        help_text="A sample of it, with the answers of other rows beside it."
    )

    @extend_schema_field(DuplicateDetail(many=True))
    def get_near_duplicates(self, one: Any) -> list[dict[str, Any]]:
        return [
            {"position": position, "similarity": similarity}
            for position, similarity in one.duplicates
        ]

    @extend_schema_field(SampleOfItem(allow_null=True))
    def get_sample(self, one: Any) -> dict[str, Any] | None:
        return None if one.run is None else {"run": one.run, "ordinal": one.ordinal}


class AnalysedItemPage(serializers.Serializer[Any]):
    """A page of items."""

    count = serializers.IntegerField(help_text="Items of this selection.")
    next_page = serializers.IntegerField(allow_null=True)
    results = AnalysedItemDetail(many=True)
