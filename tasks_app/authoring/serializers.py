"""Shapes of tasks, drafts, versions and items in the API."""

import json
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from plumbmark.rest.serializers import TextOrFile, WriteShape
from plumbmark.scoring.metrics import NUMBER_FORMATS
from tasks_app.authoring.visibility import lasting_versions
from tasks_app.kinds import kind_of
from tasks_app.models import (
    AllowedDeployment,
    Item,
    Task,
    TaskDraft,
    TaskVersion,
)
from tasks_app.models.tasks import Visibility
from tasks_app.scorings.metric_documents import metric_document
from tasks_app.starting_points.catalogue import BY_SLUG
from tasks_app.task_copies.licences import licence_warnings


class TaskSummary(serializers.ModelSerializer[Task]):
    id = serializers.CharField(source="public_id")
    namespace = serializers.CharField(source="namespace.handle")
    latest_version = serializers.IntegerField(source="latest_version.number", allow_null=True)
    latest_version_id = serializers.CharField(source="latest_version.public_id", allow_null=True)
    url = serializers.CharField(source="get_absolute_url")

    class Meta:
        model = Task
        fields = (
            "id",
            "namespace",
            "slug",
            "title",
            "summary",
            "visibility",
            "licence",
            "tags",
            "latest_version",
            "latest_version_id",
            "created_at",
            "updated_at",
            "url",
        )


class LastingVersionDetail(serializers.Serializer[Any]):
    """A version that stays visible if the task becomes private."""

    number = serializers.IntegerField()
    runs = serializers.IntegerField(help_text="Declared runs with results, or under way.")
    reason = serializers.CharField(help_text="Why it stays visible, as a sentence.")


class TaskDetail(TaskSummary):
    lasting_versions = serializers.SerializerMethodField(
        help_text="What stays visible if the task becomes private, and why."
    )

    class Meta(TaskSummary.Meta):
        fields = (  # type: ignore[assignment]
            *TaskSummary.Meta.fields,
            "citation",
            "source_url",
            "source_authors",
            "source_licence",
            "copied_from",
            "is_archived",
            "lasting_versions",
            "licence_warnings",
        )

    copied_from = serializers.CharField(
        source="copied_from.public_id",
        allow_null=True,
        default=None,
        help_text="The id of the version that it is a copy of.",
    )
    is_archived = serializers.SerializerMethodField()
    licence_warnings = serializers.SerializerMethodField(
        help_text="Licences that do not go together."
    )

    def get_is_archived(self, task: Task) -> bool:
        return task.archived_at is not None

    def get_licence_warnings(self, task: Task) -> list[str]:
        return licence_warnings(task)

    @extend_schema_field(LastingVersionDetail(many=True))
    def get_lasting_versions(self, task: Task) -> Any:
        return LastingVersionDetail(lasting_versions(task), many=True).data


class TaskWrite(WriteShape):
    example = {"title": "Capital cities", "summary": "Names of capitals.", "tags": ["geography"]}

    title = serializers.CharField(max_length=120)
    namespace = serializers.CharField(required=False, help_text="Your own by default.")
    slug = serializers.CharField(required=False, max_length=80)
    summary = serializers.CharField(required=False, max_length=300, allow_blank=True)
    licence = serializers.CharField(required=False, max_length=80, allow_blank=True)
    citation = serializers.CharField(required=False, max_length=5000, allow_blank=True)
    source_url = serializers.CharField(required=False, max_length=300, allow_blank=True)
    source_authors = serializers.CharField(required=False, max_length=300, allow_blank=True)
    source_licence = serializers.CharField(
        required=False, max_length=80, allow_blank=True, help_text="As an SPDX id."
    )
    tags = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    starting_point = serializers.ChoiceField(
        choices=list(BY_SLUG),
        required=False,
        help_text="A kind of `GET /task-starting-points`: the draft is its working example.",
    )
    judge = serializers.CharField(
        required=False,
        max_length=200,
        help_text="With a kind that a model marks: the deployment that judges.",
    )


class TaskChange(WriteShape):
    example = {"summary": "Names of capitals of the world.", "visibility": "public"}

    title = serializers.CharField(required=False, max_length=120)
    summary = serializers.CharField(required=False, max_length=300, allow_blank=True)
    licence = serializers.CharField(required=False, max_length=80, allow_blank=True)
    citation = serializers.CharField(required=False, max_length=5000, allow_blank=True)
    source_url = serializers.CharField(required=False, max_length=300, allow_blank=True)
    source_authors = serializers.CharField(required=False, max_length=300, allow_blank=True)
    source_licence = serializers.CharField(
        required=False, max_length=80, allow_blank=True, help_text="As an SPDX id."
    )
    tags = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)
    is_archived = serializers.BooleanField(
        required=False, help_text="Out of all lists; its address, runs and boards stay."
    )


class AllowedDeploymentDetail(serializers.ModelSerializer[AllowedDeployment]):
    """A permission to send private items to somebody's deployment."""

    id = serializers.CharField(source="deployment.public_id")
    deployment = serializers.CharField(source="deployment.slug")
    owner = serializers.CharField(source="deployment.owner.handle", allow_null=True, default=None)

    class Meta:
        model = AllowedDeployment
        fields = ("id", "deployment", "owner", "added_at")


class AllowedDeploymentWrite(WriteShape):
    example = {"deployment": "lab/model-1"}

    deployment = serializers.CharField(
        max_length=200, help_text="The id that the deployment's owner passed on."
    )


class TaskDraftWrite(WriteShape):
    """A draft without files."""

    example = {
        "definition": "plumbmark: 1\ndata: {target: capital}\nprompt:\n  messages:\n"
        "  - {role: user, content: 'The capital of {country}?'}\nscorers: [{type: exact}]\n",
        "format": "yaml",
    }

    definition = serializers.CharField(
        required=False, trim_whitespace=False, help_text="The definition, YAML or JSON."
    )
    format = serializers.ChoiceField(choices=["yaml", "json"], required=False)
    remove_media = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        help_text="Names of images and audio files to remove; `*` for all.",
    )
    code = serializers.CharField(
        required=False,
        trim_whitespace=False,
        help_text="The code as text; code_name gives its file name.",
    )
    code_name = serializers.CharField(required=False, max_length=200)
    settings = serializers.CharField(
        required=False,
        trim_whitespace=False,
        allow_blank=True,
        help_text="YAML with the settings of the code.",
    )
    detach = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        help_text="Names of data files to detach.",
    )
    kind = serializers.ChoiceField(
        choices=["declarative"], required=False, help_text="Drops the code."
    )


class TaskDraftForm(TaskDraftWrite):
    """A draft with files."""

    example = {"definition": "@task.yaml", "data_file": "@capitals.jsonl"}

    definition = TextOrFile(
        required=False,
        trim_whitespace=False,
        help_text="The definition, YAML or JSON: as text, or as a file.",
    )
    settings = TextOrFile(
        required=False,
        trim_whitespace=False,
        allow_blank=True,
        help_text="YAML with the settings of the code: as text, or as a file.",
    )
    data_file = serializers.FileField(required=False, help_text="JSONL or CSV.")
    replaces_fitting_file = serializers.BooleanField(
        required=False,
        help_text="Replace the data file even if it fits the definition and the new one does not.",
    )
    media = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True),
        required=False,
        help_text="Images and audio files of items, or ZIPs of them.",
    )
    code_file = serializers.FileField(
        required=False, help_text="A .py or .ipynb: the draft is then a code task."
    )
    attach = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True),
        required=False,
        help_text="Data files that the code finds in /kaggle/input.",
    )


class MediaDetail(serializers.Serializer[Any]):
    """An image or audio file of a draft."""

    name = serializers.CharField()
    sha256 = serializers.CharField(source="attachment.sha256")
    media_type = serializers.CharField(source="attachment.media_type")
    bytes = serializers.IntegerField(source="attachment.size")
    width = serializers.IntegerField(source="attachment.width", allow_null=True)
    height = serializers.IntegerField(source="attachment.height", allow_null=True)
    duration_ms = serializers.IntegerField(source="attachment.duration_ms", allow_null=True)


class DraftDetail(serializers.Serializer[Any]):
    definition = serializers.CharField(source="definition_text")
    format = serializers.CharField(source="definition_format")
    data_file = serializers.CharField(source="data_file.name", allow_null=True, default=None)
    data_bytes = serializers.IntegerField(source="data_file.size", allow_null=True, default=None)
    media = serializers.SerializerMethodField()
    kind = serializers.SerializerMethodField()
    code_file = serializers.CharField(source="code_file.name", allow_null=True, default=None)
    settings = serializers.CharField(source="code_settings")
    attached = serializers.SerializerMethodField()
    updated_at = serializers.DateTimeField()

    def get_kind(self, draft: TaskDraft) -> str:
        return draft.kind

    @extend_schema_field(MediaDetail(many=True))
    def get_media(self, draft: TaskDraft) -> Any:
        uses = draft.attachment_uses.select_related("attachment").order_by("name")
        return MediaDetail(uses, many=True).data

    def get_attached(self, draft: TaskDraft) -> list[str]:
        names = draft.attached_files.order_by("data_file__name")
        return list(names.values_list("data_file__name", flat=True))


class FindingDetail(serializers.Serializer[Any]):
    """Something noticed in code or in its output."""

    code = serializers.CharField()
    severity = serializers.CharField()
    message = serializers.CharField()
    remedy = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    place = serializers.CharField(
        help_text="The line as its author sees it, for example in a notebook cell."
    )
    file = serializers.CharField()
    path = serializers.CharField()


class PreviewItem(serializers.Serializer[Any]):
    key = serializers.CharField()
    split = serializers.CharField()
    messages = serializers.ListField(child=serializers.DictField())
    target = serializers.JSONField()
    choices = serializers.ListField(child=serializers.CharField(), allow_null=True)


class DraftCheck(serializers.Serializer[Any]):
    """A valid draft: its size and the prompts of its first items."""

    items = serializers.IntegerField()
    private_items = serializers.IntegerField()
    warnings = serializers.ListField(child=serializers.CharField())
    first = PreviewItem(many=True)
    tools = serializers.ListField(
        child=serializers.DictField(),
        help_text="The tools that the model may call: name, parameters.",
    )
    findings = FindingDetail(many=True, help_text="Findings in code, from static analysis.")


class TaskPublishWrite(WriteShape):
    example = {"visibility": "public", "notes": "The first version."}

    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=5000)


class WithdrawWrite(WriteShape):
    example = {"reason": "The questions are under copyright."}

    reason = serializers.CharField(
        max_length=500, help_text="Public: it is shown in place of the content."
    )


class MetricDetail(serializers.Serializer[Any]):
    name = serializers.CharField()
    direction = serializers.CharField(help_text="`higher` or `lower` is better.")
    unit = serializers.CharField()
    lower = serializers.FloatField(allow_null=True, help_text="The least value; null: no bound.")
    upper = serializers.FloatField(allow_null=True, help_text="The largest; null: no bound.")
    format = serializers.ChoiceField(
        choices=NUMBER_FORMATS,
        required=False,
        help_text="How its author has it written, where the unit does not say it.",
    )


class TaskVersionDetail(serializers.ModelSerializer[TaskVersion]):
    id = serializers.CharField(source="public_id")
    task = serializers.CharField(source="task.public_id")
    metric = serializers.SerializerMethodField()
    definition = serializers.SerializerMethodField()

    class Meta:
        model = TaskVersion
        fields = (
            "id",
            "task",
            "number",
            "state",
            "kind",
            "question_hash",
            "marking_hash",
            "item_count",
            "private_item_count",
            "repeats",
            "metric",
            "definition",
            "notes",
            "created_at",
            "published_at",
            "pinned_at",
            "withheld_at",
            "withheld_reason",
        )

    def get_definition(self, version: TaskVersion) -> dict[str, Any]:
        if version.is_withheld:
            return {}
        document: dict[str, Any] = dict(version.definition)
        if kind_of(version).runs_program and version.private_item_count:
            # Its authors have the file; nobody else is told it.
            document |= {"script": None, "cells": []}
        if isinstance(document.get("tools"), str):
            # Kept as text, for the order of its keys.
            document["tools"] = json.loads(document["tools"])
        return document

    @extend_schema_field(MetricDetail)
    def get_metric(self, version: TaskVersion) -> dict[str, Any]:
        return metric_document(version)


class AttachmentDetail(serializers.Serializer[Any]):
    """An image or audio file of an item; its bytes are at `files/{sha256}` below it."""

    name = serializers.CharField()
    sha256 = serializers.CharField()
    media_type = serializers.CharField()
    bytes = serializers.IntegerField()


class ItemDetail(serializers.ModelSerializer[Item]):
    # Any JSON value, null among them.
    target = serializers.JSONField()
    choices = serializers.ListField(child=serializers.JSONField(), allow_null=True)
    attachments = AttachmentDetail(many=True)

    class Meta:
        model = Item
        fields = (
            "key",
            "position",
            "split",
            "input",
            "target",
            "choices",
            "cluster",
            "slices",
            "attachments",
            "hash",
        )


class RescoreWrite(WriteShape):
    example = {"again": True}

    again = serializers.BooleanField(
        required=False, help_text="Also runs that this version has scored already."
    )
