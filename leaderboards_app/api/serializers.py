"""Shapes of standings and corrections; `computation` writes the content of a snapshot."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from leaderboards_app.models import Correction, Standings
from tasks_app.authoring.serializers import MetricDetail
from tasks_app.scorings.serializers import EstimateDetail


class BoardTask(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="The id of the task's version.")
    task = serializers.CharField(help_text="The id of the task.")
    handle = serializers.CharField()
    slug = serializers.CharField()
    number = serializers.IntegerField(allow_null=True)
    title = serializers.CharField()
    weight = serializers.FloatField(help_text="The weights of all tasks add up to 1.")
    items = serializers.IntegerField()
    private_items = serializers.IntegerField()
    metric = MetricDetail()
    judges = serializers.DictField(
        required=False, help_text="How far the judges can be trusted, where models judge."
    )


class BoardContender(serializers.Serializer[Any]):
    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    maker = serializers.CharField()
    kind = serializers.CharField()
    model = serializers.CharField(allow_null=True)


class MarginalRange(serializers.Serializer[Any]):
    best = serializers.IntegerField()
    worst = serializers.IntegerField()


class RankDetail(serializers.Serializer[Any]):
    best = serializers.IntegerField()
    worst = serializers.IntegerField()
    above = serializers.IntegerField(help_text="Rows that are significantly better.")
    below = serializers.IntegerField(help_text="Rows that are significantly worse.")
    sole_first = serializers.BooleanField()
    coverage_differs = serializers.BooleanField()
    marginal = MarginalRange(
        required=False,
        help_text="The range of this row alone, not together with those of the other rows.",
    )
    common_share = serializers.FloatField(
        required=False, help_text="Its share of the board's items, where it lacks some."
    )
    few_common = serializers.BooleanField(
        required=False, help_text="The share is so small that the row is marked."
    )


class BoardRanks(serializers.Serializer[Any]):
    platform = RankDetail(allow_null=True, help_text="Among the rows that the platform ran itself.")
    all = RankDetail(allow_null=True, help_text="With submitted rows.")


class PassedOverRun(serializers.Serializer[Any]):
    """A run marked as invalid, in whose place a later one counts."""

    run = serializers.IntegerField()
    reason = serializers.CharField()
    by = serializers.CharField(allow_null=True, help_text="The handle of who marked it.")
    by_its_owner = serializers.BooleanField(help_text="Whoever marked it had started it.")


class BoardCell(serializers.Serializer[Any]):
    state = serializers.CharField()
    runs = serializers.ListField(child=serializers.IntegerField(), help_text="Those that count.")
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    unscored = serializers.IntegerField()
    passed_over = PassedOverRun(
        many=True, required=False, help_text="Earlier runs that do not count, where there are any."
    )


class BoardRow(serializers.Serializer[Any]):
    entry = serializers.IntegerField()
    contender = BoardContender()
    by = serializers.CharField(allow_null=True, help_text="The handle of who owns it.")
    status = serializers.CharField(
        help_text="`ranked`, `reference`, `incomplete`, `pending` or `invalid`."
    )
    reason = serializers.CharField(help_text="Why it is not ranked.")
    score = EstimateDetail(allow_null=True)
    ranks = BoardRanks()
    tasks = BoardCell(many=True, help_text="In the order of the board's tasks.")
    cost_per_item = serializers.IntegerField(allow_null=True, help_text="Nanodollars.")
    median_latency_ms = serializers.IntegerField(allow_null=True)
    date = serializers.DateField(allow_null=True)
    attempts = serializers.IntegerField()
    declared = serializers.IntegerField()
    model_changed = serializers.BooleanField()
    failed_requests = serializers.IntegerField(required=False)


class BoardContent(serializers.Serializer[Any]):
    """A board: docs/design/standings.md."""

    format = serializers.IntegerField()
    statistics = serializers.IntegerField(
        required=False, help_text="The version of intervals, tests and ranks; 1 where it is absent."
    )
    tasks = BoardTask(many=True)
    metric = MetricDetail()
    unscored_allowed = serializers.FloatField()
    entry_policy = serializers.CharField()
    rows = BoardRow(many=True, help_text="Ranked rows from best to worst, then the others.")


class StandingsSummary(serializers.ModelSerializer[Standings]):
    id = serializers.CharField(source="public_id")
    version = serializers.CharField(source="version.public_id")

    class Meta:
        model = Standings
        fields = ("id", "version", "number", "content_hash", "row_count", "reason", "created_at")


class StandingsDetail(StandingsSummary):
    content = serializers.SerializerMethodField()

    class Meta(StandingsSummary.Meta):
        fields = (*StandingsSummary.Meta.fields, "content")  # type: ignore[assignment]

    @extend_schema_field(BoardContent)
    def get_content(self, standings: Standings) -> Any:
        return standings.content


class CorrectionDetail(serializers.ModelSerializer[Correction]):
    run = serializers.IntegerField(source="run_id", allow_null=True)
    by = serializers.CharField(
        source="by.namespace.handle",
        allow_null=True,
        default=None,
        help_text="The handle of who made it.",
    )
    before = serializers.CharField(source="before.public_id", allow_null=True, default=None)
    after = serializers.CharField(source="after.public_id", allow_null=True, default=None)

    class Meta:
        model = Correction
        fields = ("id", "kind", "row", "run", "change", "reason", "by", "before", "after", "at")
