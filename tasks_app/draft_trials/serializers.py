"""Shapes of trials in the API."""

from typing import Any

from rest_framework import serializers

from plumbmark.rest.serializers import WriteShape
from tasks_app.draft_trials.actions import MAX_MODELS
from tasks_app.runs.serializers import CostBoundDetail


class TrialWrite(WriteShape):
    example = {"models": ["baseline/echo", "baseline/first-choice"]}

    models = serializers.ListField(
        child=serializers.CharField(max_length=200),
        min_length=1,
        max_length=MAX_MODELS,
        help_text="The names of one to four deployments.",
    )
    namespace = serializers.CharField(
        required=False, help_text="The handle of who pays; your own by default."
    )


class TrialBoundDetail(serializers.Serializer[Any]):
    deployment = serializers.CharField(source="contender.deployment.slug")
    bound = CostBoundDetail(allow_null=True, help_text="Null if it cannot be asked.")
    refusal = serializers.CharField(help_text="Why it cannot be asked; empty if it can.")


class TrialBounds(serializers.Serializer[Any]):
    models = TrialBoundDetail(many=True)


class AnswerVerdictDetail(serializers.Serializer[Any]):
    scorer = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    answer = serializers.CharField(help_text="What the scorer read as the answer.")
    explanation = serializers.CharField()


class TrialAnswerDetail(serializers.Serializer[Any]):
    run = serializers.IntegerField(help_text="The id of the model's run.")
    outcome = serializers.CharField(help_text="Empty while there is no answer.")
    output = serializers.CharField(help_text="At most the first 4,000 characters.")
    error = serializers.CharField()
    verdicts = AnswerVerdictDetail(many=True, help_text="The main scorer's first.")
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    charged_nanodollars = serializers.IntegerField()
    latency_ms = serializers.IntegerField(allow_null=True)


class TrialItemDetail(serializers.Serializer[Any]):
    item = serializers.CharField(help_text="The item's id.")
    position = serializers.IntegerField()
    answers = TrialAnswerDetail(many=True, help_text="One for each run, in their order.")


class TrialRunDetail(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    deployment = serializers.CharField()
    state = serializers.CharField()
    failure = serializers.CharField()
    value = serializers.FloatField(allow_null=True, help_text="The mean score of the items.")
    charged_nanodollars = serializers.IntegerField(help_text="With the judges' part.")


class TrialDetail(serializers.Serializer[Any]):
    """A few items with the answers of several models."""

    id = serializers.CharField()
    task_version = serializers.CharField()
    reason = serializers.CharField(help_text="`try` or `preflight`.")
    is_live = serializers.BooleanField(help_text="Something is still to come.")
    runs = TrialRunDetail(many=True)
    refusals = serializers.DictField(
        child=serializers.CharField(), help_text="Why a model was not asked, by its name."
    )
    items = TrialItemDetail(many=True)
    hidden_items = serializers.IntegerField(help_text="Private items that you may not see.")
    created_at = serializers.DateTimeField()
    url = serializers.CharField()
