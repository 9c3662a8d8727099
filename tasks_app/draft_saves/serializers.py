"""Shapes of a draft's saves in the API."""

from typing import Any

from rest_framework import serializers

from plumbmark.rest.serializers import WriteShape
from tasks_app.draft_saves.queries import describe_save
from tasks_app.draft_saves.states import PARTS
from tasks_app.models import DraftSave


class DraftSaveDetail(serializers.ModelSerializer[DraftSave]):
    """A saved state of a draft."""

    id = serializers.CharField(source="public_id")
    is_current = serializers.SerializerMethodField(help_text="Whether the draft is this state.")
    kind = serializers.ChoiceField(choices=DraftSave.Kind.choices)
    changes = serializers.ListField(
        child=serializers.ChoiceField(choices=list(PARTS)),
        help_text="What differs from the state before; empty for the oldest one.",
    )
    summary = serializers.SerializerMethodField(help_text="What changed, as a few words.")
    data_file = serializers.CharField(source="data_file.name", allow_null=True, default=None)
    code_file = serializers.CharField(source="code_file.name", allow_null=True, default=None)
    saved_by = serializers.CharField(source="created_by.namespace.handle")

    class Meta:
        model = DraftSave
        fields = (
            "id",
            "is_current",
            "kind",
            "changes",
            "summary",
            "data_file",
            "code_file",
            "saved_by",
            "created_at",
        )

    def get_is_current(self, save: DraftSave) -> bool:
        return bool(save.pk == self.context["current_id"])

    def get_summary(self, save: DraftSave) -> str:
        return describe_save(save)


class SeenSaveWrite(WriteShape):
    example = {"seen": "k3v9x2m4q7w1"}

    seen = serializers.CharField(
        required=False,
        max_length=20,
        help_text="The id of the save that you saw as the current one; 409 if it is another now.",
    )


def draft_save_details(saves: Any, current_id: int | None) -> Any:
    return DraftSaveDetail(saves, many=True, context={"current_id": current_id}).data
