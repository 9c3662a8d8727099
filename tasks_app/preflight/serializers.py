"""Shapes of pre-flights in the API."""

from typing import Any

from rest_framework import serializers

from tasks_app.draft_trials.serializers import TrialWrite
from tasks_app.runs.serializers import CostBoundDetail


class PreflightWrite(TrialWrite):
    example = {"models": ["baseline/echo"], "difference_points": 5}

    configuration = serializers.DictField(
        required=False, help_text="What differs from the task's own settings, as in a run."
    )
    difference_points = serializers.FloatField(
        required=False,
        min_value=0.01,
        max_value=100,
        help_text="The difference that you want to see, in hundredths of the scale; 5 by default.",
    )


class LikelyTotalDetail(serializers.Serializer[Any]):
    """A likely total with its 95 % prediction interval, null where one answer is known."""

    mean = serializers.FloatField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class PreflightSource(serializers.Serializer[Any]):
    """The answers that the likely numbers come from."""

    kind = serializers.CharField(
        source="source",
        help_text="`probe`, `run` (an earlier run of the model), or `other-model`: a guess from "
        "another model's tokens.",
    )
    run = serializers.IntegerField(source="run.pk")
    answers = serializers.SerializerMethodField()
    unanswered = serializers.IntegerField()

    def get_answers(self, found: Any) -> int:
        return len(found.samples)


class DiscernmentDetail(serializers.Serializer[Any]):
    """The differences that the items can tell, on the metric's own scale."""

    detectable = serializers.FloatField(
        allow_null=True, help_text="Found with 80 % power at 5 %; null if not known."
    )
    at_worst = serializers.FloatField(
        allow_null=True, help_text="With the greatest variance that the scale allows."
    )
    items_needed = serializers.IntegerField(
        source="needed", allow_null=True, help_text="If the version has too few items."
    )


class ModelPreflightDetail(serializers.Serializer[Any]):
    deployment = serializers.CharField(source="contender.deployment.slug")
    refusal = serializers.CharField(help_text="Why it cannot be run; empty if it can.")
    bound = CostBoundDetail(allow_null=True)
    probe_bound = CostBoundDetail(allow_null=True, help_text="The most that a probe costs.")
    probe_run = serializers.IntegerField(source="probe.pk", allow_null=True, default=None)
    observed = PreflightSource(allow_null=True, help_text="Null if only the bound is known.")
    calls = LikelyTotalDetail(allow_null=True)
    input_tokens = LikelyTotalDetail(allow_null=True)
    output_tokens = LikelyTotalDetail(allow_null=True)
    cost_nanodollars = LikelyTotalDetail(source="cost", allow_null=True)
    seconds = LikelyTotalDetail(allow_null=True)
    difference = DiscernmentDetail(source="discernment")


class PreflightDetail(serializers.Serializer[Any]):
    models = ModelPreflightDetail(many=True)
