"""Shapes of the changes between versions in the API."""

from typing import Any

from rest_framework import serializers

from tasks_app.authoring.serializers import ItemDetail


class ItemChangeCounts(serializers.Serializer[Any]):
    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    changed = serializers.IntegerField(help_text="Items that ask something else.")
    re_marked = serializers.IntegerField(
        help_text="Items that ask the same and are scored by something else."
    )


class ItemChangeDetail(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="The item's id.")
    before = ItemDetail(allow_null=True)
    after = ItemDetail(allow_null=True)


class VersionChangesDetail(serializers.Serializer[Any]):
    """The differences between two versions, as far as you may see them."""

    before = serializers.CharField(help_text="The id of the version compared with.")
    after = serializers.CharField()
    definition_diff = serializers.CharField(help_text="Unified; empty if nothing differs.")
    definition_hidden = serializers.CharField(
        help_text="Why there is no diff: `withheld`, `private` or `long`; else empty."
    )
    counts = ItemChangeCounts()
    show = serializers.CharField()
    items = ItemChangeDetail(many=True, help_text="A page of the items that `show` names.")
    next_page = serializers.IntegerField(allow_null=True)
