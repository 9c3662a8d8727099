"""Shapes of comparisons in the API. All tests in them are unadjusted, unless they say `board`."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from tasks_app.authoring.serializers import MetricDetail


class PairNumbers(serializers.Serializer[Any]):
    """One against another: `first` less `second`."""

    difference = serializers.FloatField(
        allow_null=True, help_text="null: they have too little in common."
    )
    low = serializers.FloatField(
        allow_null=True, help_text="The lower end of the 95 % interval of the difference."
    )
    high = serializers.FloatField(allow_null=True)
    p_value = serializers.FloatField(
        allow_null=True, help_text="Two-sided, and not adjusted for other pairs."
    )
    method = serializers.CharField(
        help_text="The test: `mcnemar`, `clustered-t`, `weighted-t`, `sign` or `none`."
    )
    n_common = serializers.IntegerField(help_text="Items on which both have a score.")
    n_clusters = serializers.IntegerField()
    first_better = serializers.IntegerField(
        source="a_better", help_text="Common items on which the first has the better score."
    )
    ties = serializers.IntegerField()
    second_better = serializers.IntegerField(source="b_better")
    first_only = serializers.IntegerField(
        source="a_only", help_text="Items that only the first has a score on."
    )
    second_only = serializers.IntegerField(source="b_only")
    detectable = serializers.FloatField(
        allow_null=True,
        help_text="The smallest difference that is found with 80 % power with these items.",
    )


class RunPairDetail(serializers.Serializer[Any]):
    first = serializers.IntegerField(help_text="The id of a run.")
    second = serializers.IntegerField()
    result = PairNumbers()


class ComparedRunDetail(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    contender = serializers.CharField(help_text="The id of the contender.")
    contender_label = serializers.CharField()
    scoring = serializers.IntegerField(help_text="The scoring whose scores are compared.")
    invalid_reason = serializers.CharField()


class SliceValueDetail(serializers.Serializer[Any]):
    value = serializers.CharField()
    few_items = serializers.BooleanField(source="has_few_items")
    result = PairNumbers()


class SliceColumnDetail(serializers.Serializer[Any]):
    name = serializers.CharField()
    values = SliceValueDetail(many=True, help_text="The most frequent values.")
    left_out = serializers.IntegerField(help_text="How many further values there are.")


@extend_schema_serializer(many=False)
class RunComparisonDetail(serializers.Serializer[Any]):
    """Runs of the same questions, compared pair by pair."""

    adjusted = serializers.BooleanField(help_text="false: each test is taken alone.")
    task_version = serializers.CharField(help_text="The version whose scorers the scores are of.")
    metric = MetricDetail()
    runs = ComparedRunDetail(many=True)
    pairs = RunPairDetail(many=True)
    sliced_pair = serializers.ListField(
        child=serializers.IntegerField(), help_text="The pair of runs that `slices` are of."
    )
    slices = SliceColumnDetail(many=True, help_text="Of the items that you may see.")
    hidden_items = serializers.IntegerField(
        help_text="Private items: they count in `pairs` and are listed nowhere."
    )


class ComparedItemDetail(serializers.Serializer[Any]):
    position = serializers.IntegerField()
    key = serializers.CharField()
    first = serializers.FloatField(allow_null=True, help_text="The mean score of the first run.")
    second = serializers.FloatField(allow_null=True)


@extend_schema_serializer(many=False)
class ComparedItemPage(serializers.Serializer[Any]):
    """Some items of a pair of runs."""

    count = serializers.IntegerField(help_text="How many items the filter shows in all.")
    next_start = serializers.IntegerField(
        allow_null=True, help_text="The `start` of the next page; null on the last one."
    )
    results = ComparedItemDetail(many=True)


class PassageDetail(serializers.Serializer[Any]):
    text = serializers.CharField()
    differs = serializers.BooleanField(help_text="The other answer does not have it there.")


class AnswerSideDetail(serializers.Serializer[Any]):
    run = serializers.IntegerField()
    ordinal = serializers.IntegerField(
        allow_null=True, help_text="Of the sample in its run; null: there is none."
    )
    value = serializers.FloatField(allow_null=True)
    answer = serializers.CharField(help_text="What a scorer took of the output.")
    passages = PassageDetail(many=True, help_text="The output without its reasoning.")
    is_cut = serializers.BooleanField(help_text="The sample has more of it.")


class ComparedAnswersDetail(serializers.Serializer[Any]):
    """The answers of two runs to one item, with the words that differ."""

    position = serializers.IntegerField()
    key = serializers.CharField()
    sides = AnswerSideDetail(many=True)
    previous = serializers.IntegerField(
        allow_null=True, help_text="The position of the item before, with the same `show`."
    )
    next = serializers.IntegerField(allow_null=True)


class BoardVerdictDetail(serializers.Serializer[Any]):
    """The board's own verdict on a pair, adjusted by Holm for all pairs of its ranked rows."""

    told_apart = serializers.BooleanField(source="is_told_apart")
    limit = serializers.FloatField(help_text="The largest p-value that counts as a difference.")
    pairs = serializers.IntegerField()


class TaskPairDetail(serializers.Serializer[Any]):
    task_version = serializers.CharField(source="task.id")
    title = serializers.CharField(source="task.title")
    first_runs = serializers.ListField(child=serializers.IntegerField())
    second_runs = serializers.ListField(child=serializers.IntegerField())
    result = PairNumbers(allow_null=True, help_text="null: one of the rows lacks the task.")


class RowPairDetail(serializers.Serializer[Any]):
    first = serializers.CharField(help_text="The id of a contender.")
    second = serializers.CharField()
    result = PairNumbers(allow_null=True, help_text="null: one of the rows lacks a task.")
    board = BoardVerdictDetail(
        allow_null=True,
        help_text="null: one of the rows is not ranked, or its scores have changed since.",
    )
    practically_equal = serializers.BooleanField(
        allow_null=True,
        help_text="The difference is below `smallest_difference`, whatever the p-value; null where "
        "none is stated.",
    )
    interval_inside = serializers.BooleanField(
        allow_null=True, help_text="So is every difference within the interval."
    )
    tasks = TaskPairDetail(many=True)


class RowComparisonDetail(serializers.Serializer[Any]):
    """Rows of a snapshot, compared pair by pair."""

    adjusted = serializers.BooleanField(help_text="false: only `board` is adjusted.")
    standings = serializers.CharField()
    scope = serializers.CharField(help_text="The ranking that `board` is of.")
    metric = MetricDetail()
    smallest_difference = serializers.FloatField(
        allow_null=True,
        help_text="The smallest difference that matters, on this scale; null: none is stated.",
    )
    scores_changed = serializers.BooleanField(
        help_text="Some runs have other scores now than on the snapshot."
    )
    pairs = RowPairDetail(many=True)
