"""Shapes of judges and labels in the API."""

from typing import Any

from rest_framework import serializers

from plumbmark.rest.serializers import WriteShape
from tasks_app.judges.actions import MAX_ANSWERS, USUAL_SIZE
from tasks_app.models import LabelSet


class JudgesDetail(serializers.Serializer[Any]):
    """The panel of a version's judges, by scorer."""

    judged = serializers.DictField(
        help_text="From all judged answers: agreement between judges, swapped orders, families."
    )
    labelled = serializers.DictField(
        help_text="Against people's labels; readers see it from 30 labels on. `carried`: so "
        "many of them were given under other versions, to the very same answers."
    )
    too_few = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="The number of labels of each scorer that has too few.",
    )


class LabelSetDetail(serializers.ModelSerializer[LabelSet]):
    id = serializers.CharField(source="public_id")
    task_version = serializers.CharField(source="task_version.public_id")
    created_by = serializers.CharField(source="created_by.namespace.handle")
    done = serializers.IntegerField(help_text="Answers that you labelled.")
    skipped = serializers.IntegerField(help_text="Answers that you skipped.")

    class Meta:
        model = LabelSet
        fields = (
            "id",
            "task_version",
            "scorer",
            "seed",
            "size",
            "done",
            "skipped",
            "created_by",
            "created_at",
        )


class LabelSetWrite(WriteShape):
    example = {"scorer": "judge", "size": 50, "seed": 7}

    scorer = serializers.CharField(
        required=False, max_length=80, help_text="Optional if only one scorer asks judges."
    )
    size = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_ANSWERS,
        help_text=f"{USUAL_SIZE} by default.",
    )
    seed = serializers.IntegerField(
        required=False, min_value=0, max_value=2**31 - 1, help_text="Random by default."
    )


class BlindAnswerDetail(serializers.Serializer[Any]):
    position = serializers.IntegerField()
    item = serializers.CharField(source="item_key")
    mode = serializers.CharField()
    scale = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    words = serializers.ListField(
        child=serializers.CharField(),
        help_text="The possible verdicts; empty where a grade is given.",
    )
    criteria = serializers.CharField()
    messages = serializers.ListField(child=serializers.DictField())
    answers = serializers.ListField(
        child=serializers.CharField(), help_text="Two in a comparison, in random order."
    )
    targets = serializers.ListField(child=serializers.CharField())
    is_withheld = serializers.BooleanField()
    verdict = serializers.CharField(source="word", allow_null=True, help_text="Your label.")
    grade = serializers.SerializerMethodField()
    is_skipped = serializers.BooleanField()

    def get_grade(self, answer: Any) -> float | None:
        return answer.label if answer.scale is not None else None


class LabelWrite(WriteShape):
    example = {"verdict": "right"}

    verdict = serializers.CharField(
        required=False, max_length=20, help_text="One of `words`, or `skip`."
    )
    grade = serializers.FloatField(
        required=False, help_text="The grade, if the judges give grades."
    )


class DifferenceDetail(serializers.Serializer[Any]):
    run = serializers.IntegerField(source="run_id")
    ordinal = serializers.IntegerField()
    item = serializers.CharField(source="item_key")
    yours = serializers.FloatField(source="label")
    judges = serializers.FloatField(source="verdict")
