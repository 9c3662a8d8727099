"""Shapes of scores in the API, as `estimates` computes them."""

from typing import Any

from rest_framework import serializers


class SecondaryEstimate(serializers.Serializer[Any]):
    """The score of a scorer beside the main one, on the scale of its own metric."""

    value = serializers.FloatField(allow_null=True, help_text="null: nothing is scored.")
    low = serializers.FloatField(allow_null=True, help_text="null: there is no interval.")
    high = serializers.FloatField(allow_null=True)
    scored = serializers.IntegerField()
    unscored = serializers.IntegerField()


class EstimateDetail(serializers.Serializer[Any]):
    """A score with its interval and its counts."""

    value = serializers.FloatField(allow_null=True, help_text="null: nothing is scored.")
    low = serializers.FloatField(allow_null=True, help_text="null: there is no interval.")
    high = serializers.FloatField(allow_null=True)
    method = serializers.CharField(help_text="How the interval was computed.")
    items = serializers.IntegerField(help_text="Items with at least one scored repeat.")
    repeats = serializers.IntegerField(help_text="The most repeats of an item.")
    clusters = serializers.IntegerField()
    scored = serializers.IntegerField()
    unscored = serializers.IntegerField()
    effective = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="The number of independent items that the interval rests on.",
    )
    worst = serializers.FloatField(
        allow_null=True, help_text="The value if all unscored samples were as bad as possible."
    )
    best = serializers.FloatField(
        allow_null=True, help_text="The value if all unscored samples were as good as possible."
    )
    skewed = serializers.BooleanField(
        required=False,
        help_text="The interval may be too narrow: too long a tail for so few scores.",
    )
    pass_at = serializers.DictField(
        child=serializers.FloatField(), required=False, help_text="pass@k by k."
    )
    pass_hat = serializers.DictField(
        child=serializers.FloatField(), required=False, help_text="pass^k by k."
    )
    secondary = serializers.DictField(
        child=SecondaryEstimate(),
        required=False,
        help_text="The scores of the further scorers by name, where a run has some.",
    )
