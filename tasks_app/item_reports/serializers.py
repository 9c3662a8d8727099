"""Shapes of reports of items in the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from plumbmark.rest.serializers import WriteShape
from tasks_app.item_reports.actions import MAX_NOTE, MAX_REASON
from tasks_app.models import ItemReport

_KEY_SCHEMA: dict[str, Any] = {
    "oneOf": [
        {"type": "string"},
        {"type": "number"},
        {
            "type": "array",
            "items": {"oneOf": [{"type": "string"}, {"type": "number"}]},
        },
        {"type": "null"},
    ]
}


@extend_schema_field(_KEY_SCHEMA)
class KeyField(serializers.JSONField):
    """A key: a text, a number, or a list of right answers."""


class ItemReportSummary(serializers.ModelSerializer[ItemReport]):
    id = serializers.CharField(source="public_id")
    task_version = serializers.CharField(source="version.public_id")
    item = serializers.CharField(source="item.key", help_text="The item's id.")
    position = serializers.IntegerField(source="item.position")
    kind = serializers.ChoiceField(choices=ItemReport.Kind.choices)
    status = serializers.ChoiceField(choices=ItemReport.State.choices)
    proposed = KeyField(help_text="The key that the reporter proposes.")
    created_by = serializers.CharField(source="created_by.namespace.handle", default=None)
    decided_by = serializers.CharField(
        source="decided_by.namespace.handle", allow_null=True, default=None
    )
    note = serializers.CharField(help_text="The author's public answer.")
    key_before = KeyField(help_text="The key that was replaced.")
    key_after = KeyField(help_text="The corrected key.")
    resulting_version = serializers.CharField(
        source="resulting_version.public_id",
        allow_null=True,
        default=None,
        help_text="The version with the corrected key.",
    )
    url = serializers.CharField(source="get_absolute_url")

    class Meta:
        model = ItemReport
        fields = (
            "id",
            "task_version",
            "item",
            "position",
            "kind",
            "reason",
            "proposed",
            "status",
            "created_by",
            "created_at",
            "note",
            "decided_by",
            "decided_at",
            "key_before",
            "key_after",
            "resulting_version",
            "followed_at",
            "url",
        )


class RescoringProgressDetail(serializers.Serializer[Any]):
    """The state of the scorings of stored outputs, counted in runs."""

    total = serializers.IntegerField()
    completed = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Queued, running or paused.")
    paused = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Failed or cancelled.")


class RowMoveDetail(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    kind = serializers.CharField(help_text="`new`, `gone` or `changed`.")
    score_before = serializers.CharField()
    score_after = serializers.CharField()
    rank_before = serializers.CharField()
    rank_after = serializers.CharField()


class SnapshotPlace(serializers.Serializer[Any]):
    standings = serializers.CharField(allow_null=True)
    number = serializers.IntegerField(allow_null=True)


class BoardMoveDetail(serializers.Serializer[Any]):
    """A board that the correction changed, with the rows that moved."""

    benchmark = serializers.CharField()
    url = serializers.CharField()
    before = serializers.SerializerMethodField()
    after = serializers.SerializerMethodField()
    changes = RowMoveDetail(many=True)
    more = serializers.IntegerField(help_text="Rows beyond those listed.")
    note = serializers.CharField()

    @extend_schema_field(SnapshotPlace)
    def get_before(self, move: Any) -> dict[str, Any]:
        return {"standings": move.before or None, "number": move.before_number}

    @extend_schema_field(SnapshotPlace)
    def get_after(self, move: Any) -> dict[str, Any]:
        return {"standings": move.after, "number": move.after_number}


class WaitingBenchmarkDetail(serializers.Serializer[Any]):
    """A benchmark whose newest version has the earlier key."""

    id = serializers.CharField()
    title = serializers.CharField()
    url = serializers.CharField()
    may_follow = serializers.BooleanField(help_text="You may let it follow.")


class ItemReportDetail(ItemReportSummary):
    rescoring = RescoringProgressDetail(allow_null=True, read_only=True)
    boards = BoardMoveDetail(many=True, read_only=True)
    waiting_benchmarks = WaitingBenchmarkDetail(many=True, read_only=True)

    class Meta(ItemReportSummary.Meta):
        fields = (  # type: ignore[assignment]
            *ItemReportSummary.Meta.fields,
            "rescoring",
            "boards",
            "waiting_benchmarks",
        )


class ItemReportWrite(WriteShape):
    example = {"kind": "wrong-key", "reason": "The sum is 18, not 17.", "proposed": "18"}

    kind = serializers.ChoiceField(choices=ItemReport.Kind.choices)
    reason = serializers.CharField(
        max_length=MAX_REASON, help_text="Public for all who see the item. Markdown."
    )
    proposed = KeyField(
        required=False, allow_null=True, help_text="The right answer, or a list of them."
    )


class AcceptReportWrite(WriteShape):
    example = {"target": "18", "note": "Thank you."}

    target = KeyField(help_text="The corrected key: the right answer, or a list of right answers.")
    note = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NOTE)


class DeclineReportWrite(WriteShape):
    example = {"note": "The question asks for the sum before tax."}

    note = serializers.CharField(max_length=MAX_NOTE, help_text="Why. Public.")


class RescoringScopeDetail(serializers.Serializer[Any]):
    """The stored outputs that are scored anew, and what that needs."""

    runs = serializers.IntegerField()
    outputs = serializers.IntegerField()
    needs_sandbox = serializers.BooleanField(help_text="The scorers run code.")
    judges_cost = serializers.CharField(
        allow_null=True, help_text="At most, in nanodollars; null if no models judge."
    )
