"""Shapes of offers in the API."""

from typing import Any

from rest_framework import serializers

from plumbmark.rest.serializers import WriteShape
from tasks_app.models import TransferOffer


class OfferedTaskDetail(serializers.Serializer[Any]):
    """The facts of an offered task. No item is among them."""

    published_versions = serializers.IntegerField()
    items = serializers.IntegerField(help_text="Of the newest published version.")
    private_items = serializers.IntegerField()
    stored_bytes = serializers.IntegerField(help_text="What counts to the new owner's storage.")


class TransferOfferSummary(serializers.ModelSerializer[TransferOffer]):
    """An offer of a task."""

    id = serializers.CharField(source="public_id")
    task = serializers.CharField(source="task.public_id")
    title = serializers.CharField(source="task.title", help_text="The task's title.")
    sender = serializers.CharField(source="sender.handle")
    recipient = serializers.CharField(source="recipient.handle")
    status = serializers.ChoiceField(source="current_status", choices=TransferOffer.State.choices)

    class Meta:
        model = TransferOffer
        fields = (
            "id",
            "task",
            "title",
            "sender",
            "recipient",
            "status",
            "created_at",
            "expires_at",
            "decided_at",
        )


class TransferOfferDetail(TransferOfferSummary):
    facts = OfferedTaskDetail(allow_null=True, help_text="As long as the offer is open.")

    class Meta(TransferOfferSummary.Meta):
        fields = (*TransferOfferSummary.Meta.fields, "facts")  # type: ignore[assignment]


class TransferOfferWrite(WriteShape):
    example = {"recipient": "grace"}

    recipient = serializers.CharField(
        max_length=80, help_text="The handle of the person or team that may have the task."
    )


class OfferAcceptWrite(WriteShape):
    example = {"slug": "capital-cities"}

    slug = serializers.SlugField(
        required=False,
        max_length=80,
        help_text="The task's address with its new owner; that which it has by default.",
    )
