"""Shapes of standings and corrections; `computation` writes the content of a snapshot."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from leaderboards_app.board.written_numbers import written_rows
from leaderboards_app.models import Correction, Standings
from tasks_app.authoring.serializers import MetricDetail
from tasks_app.scorings.serializers import EstimateDetail, SecondaryEstimate


class SecondaryMetricDetail(MetricDetail):
    scorer = serializers.CharField(help_text="The scorer's name in the definition.")


class BoardGroup(serializers.Serializer[Any]):
    """Tasks that the board folds into one column."""

    title = serializers.CharField()
    tasks = serializers.ListField(
        child=serializers.IntegerField(), help_text="Their numbers on the board, from 1."
    )
    weight = serializers.FloatField(help_text="The sum of their weights.")


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
    group = serializers.CharField(required=False, help_text="The group it is in, if any.")
    secondary = SecondaryMetricDetail(
        many=True, required=False, help_text="The metrics of its further scorers, if any."
    )


class ModelFacts(serializers.Serializer[Any]):
    """Facts that were known of a row's model when the board was computed."""

    open_weights = serializers.BooleanField(required=False)
    modalities = serializers.ListField(child=serializers.CharField(), required=False)
    licence = serializers.CharField(required=False)
    released_on = serializers.DateField(required=False)
    effort = serializers.CharField(required=False, help_text="The reasoning effort of the row.")


class BoardContender(serializers.Serializer[Any]):
    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    maker = serializers.CharField()
    kind = serializers.CharField()
    model = serializers.CharField(allow_null=True)
    facts = ModelFacts(required=False)


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
        required=False, help_text="The share is so small that the row has a warning."
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
    manifests = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="The hashes of the manifests of the runs that count, where they have one.",
    )
    secondary = SecondaryEstimate(
        many=True,
        required=False,
        allow_null=True,
        help_text="One for each of the task's `secondary`, null where it is not known.",
    )
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
    groups = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        required=False,
        help_text="The weighted means of the board's `groups`, 0 to 1, where there are groups; "
        "null where the row lacks a task of it.",
    )
    near_best = serializers.ListField(
        child=serializers.ChoiceField(choices=["platform", "all"]),
        required=False,
        help_text="The rankings in which its score differs from the best one by less than "
        "`smallest_difference`, if it does.",
    )


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
    smallest_difference = serializers.FloatField(
        required=False,
        help_text="The smallest difference of scores that matters, where the author states one.",
    )
    groups = BoardGroup(many=True, required=False, help_text="Where the author made some.")
    rows = BoardRow(many=True, help_text="Ranked rows from best to worst, then the others.")


class StandingsSummary(serializers.ModelSerializer[Standings]):
    id = serializers.CharField(source="public_id")
    version = serializers.CharField(source="version.public_id")

    class Meta:
        model = Standings
        fields = (
            "id",
            "version",
            "number",
            "content_hash",
            "previous_hash",
            "row_count",
            "reason",
            "created_at",
            "withheld_at",
            "withheld_reason",
        )


class ChangeOfRow(serializers.Serializer[Any]):
    """A row that differs between two snapshots. Scores and ranks are written as pages do."""

    label = serializers.CharField()  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=["new", "gone", "changed"])
    score_before = serializers.CharField(allow_blank=True)
    score_after = serializers.CharField(allow_blank=True)
    rank_before = serializers.CharField(allow_blank=True)
    rank_after = serializers.CharField(allow_blank=True)
    status_before = serializers.CharField(allow_blank=True)
    status_after = serializers.CharField(allow_blank=True)
    is_practically_equal = serializers.BooleanField(
        help_text="The score changed by less than the smallest difference that matters."
    )


class SliceEstimate(serializers.Serializer[Any]):
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    scored = serializers.IntegerField(help_text="Scored samples.")


class SlicedRowDetail(serializers.Serializer[Any]):
    contender = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    cells = SliceEstimate(many=True, help_text="One for each of `values`, in their order.")


class BoardSliceValue(serializers.Serializer[Any]):
    name = serializers.CharField()
    items = serializers.IntegerField()


class BoardSliceColumn(serializers.Serializer[Any]):
    name = serializers.CharField(
        allow_blank=True, help_text="The author's column; empty for public and private items."
    )
    values = BoardSliceValue(many=True)
    left_out = serializers.IntegerField(help_text="Values that are not listed.")
    rows = SlicedRowDetail(many=True)
    rows_left_out = serializers.IntegerField()


class SlicedTaskDetail(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="The task's place on the board, from 1.")
    title = serializers.CharField()
    metric = MetricDetail()
    columns = BoardSliceColumn(many=True)


class SlicesDetail(serializers.Serializer[Any]):
    format = serializers.IntegerField()
    tasks = SlicedTaskDetail(many=True)


class WeighedTaskDetail(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="The task's place on the board, from 1.")
    title = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    share = serializers.FloatField(help_text="Its weight as a share of all.")
    official_share = serializers.FloatField(help_text="The same with the author's weights.")


class WeighedRowDetail(serializers.Serializer[Any]):
    contender = serializers.CharField(source="row.contender.id")
    label = serializers.CharField(source="row.contender.label")  # type: ignore[assignment]
    value = serializers.FloatField(source="yours.value", help_text="The weighted mean, 0 to 1.")
    display = serializers.CharField(source="value", help_text="The same as pages write it.")
    rank = serializers.IntegerField(source="yours.rank")
    official_rank = serializers.CharField(help_text="The board's own range of ranks.")
    moved = serializers.IntegerField(help_text="Places gained as against the author's weights.")
    leads_in = serializers.FloatField(
        source="share",
        allow_null=True,
        help_text="The share of all plausible weightings under which it leads, whatever `weights` "
        "are; null if these standings are from before it was computed.",
    )


class WeightingsDetail(serializers.Serializer[Any]):
    """The rows of a board under other weights of its tasks."""

    scope = serializers.CharField()
    weights = serializers.CharField(
        allow_blank=True, help_text="As they were read; empty: the author's."
    )
    draws = serializers.IntegerField(allow_null=True, help_text="How many weightings were drawn.")
    seed = serializers.IntegerField(allow_null=True, help_text="Of the draws.")
    tasks = WeighedTaskDetail(many=True)
    rows = WeighedRowDetail(many=True, help_text="Ranked rows, in the order of the weights.")


class MovedRowDetail(serializers.Serializer[Any]):
    contender = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    before = serializers.FloatField(help_text="The score on the board.")
    after = serializers.FloatField(help_text="The score by this scoring.")
    rank_before = serializers.IntegerField(
        help_text="By score alone, among the rows that have both scorings."
    )
    rank_after = serializers.IntegerField()
    gained = serializers.IntegerField(help_text="Places gained; negative if it loses some.")


class ScoringOrderDetail(serializers.Serializer[Any]):
    """The rows of a board under another scoring of one of its tasks."""

    task = serializers.IntegerField(help_text="The task's number on the board, from 1.")
    version = serializers.CharField(help_text="The id of the task version that scored.")
    is_board_version = serializers.BooleanField(
        help_text="It is the board's own version, with other versions of its scorers."
    )
    scorers = serializers.DictField(
        child=serializers.CharField(), help_text="The versions of the scorers by name."
    )
    tau = serializers.FloatField(
        allow_null=True, help_text="Kendall's tau-b with the board's order; null: undefined."
    )
    missing = serializers.IntegerField(help_text="Ranked rows without this scoring.")
    rows_left_out = serializers.IntegerField()
    rows = MovedRowDetail(many=True, help_text="In the order of this scoring.")


class ScoringOrdersDetail(serializers.Serializer[Any]):
    scope = serializers.CharField()
    computed_at = serializers.DateTimeField(
        allow_null=True, help_text="null: nothing is kept for these standings."
    )
    orders = ScoringOrderDetail(many=True)


class WrittenRow(serializers.Serializer[Any]):
    """The numbers of a row as pages write them."""

    contender = serializers.CharField()
    score = serializers.CharField(allow_blank=True)
    interval = serializers.CharField(allow_blank=True)
    tasks = serializers.ListField(child=serializers.CharField(allow_blank=True))
    secondary = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(allow_blank=True)),
        required=False,
        help_text="By task, and then by further metric.",
    )
    groups = serializers.ListField(child=serializers.CharField(allow_blank=True), required=False)


class StandingsDetail(StandingsSummary):
    content = serializers.SerializerMethodField()
    display = serializers.SerializerMethodField(
        help_text="The rows' numbers as pages write them, in the order of `content.rows`; null "
        "unless `display=true` asks for it. It is no part of the hash."
    )

    class Meta(StandingsSummary.Meta):
        fields = (*StandingsSummary.Meta.fields, "content", "display")  # type: ignore[assignment]

    @extend_schema_field(WrittenRow(many=True, allow_null=True))
    def get_display(self, standings: Standings) -> Any:
        if standings.is_withheld or not self.context.get("display"):
            return None
        return WrittenRow(written_rows(standings.content), many=True).data

    @extend_schema_field(
        BoardContent(allow_null=True, help_text="null where `withheld_reason` says why.")
    )
    def get_content(self, standings: Standings) -> Any:
        return None if standings.is_withheld else standings.content


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
