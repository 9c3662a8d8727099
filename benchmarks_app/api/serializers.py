"""Shapes of the API: explicit, flat, separate for reading and writing."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from benchmarks_app.actions.visibility import lasting_boards
from benchmarks_app.models import (
    Benchmark,
    BenchmarkTask,
    BenchmarkVersion,
    Entry,
)
from plumbmark.rest.serializers import WriteShape
from tasks_app.models.tasks import Visibility


class BenchmarkSummary(serializers.ModelSerializer[Benchmark]):
    id = serializers.CharField(source="public_id")
    namespace = serializers.CharField(source="namespace.handle")
    latest_version = serializers.IntegerField(source="latest_version.number", allow_null=True)
    latest_version_id = serializers.CharField(source="latest_version.public_id", allow_null=True)
    url = serializers.CharField(source="get_absolute_url")

    class Meta:
        model = Benchmark
        fields = (
            "id",
            "namespace",
            "slug",
            "title",
            "claim",
            "visibility",
            "tags",
            "latest_version",
            "latest_version_id",
            "created_at",
            "updated_at",
            "url",
        )


class BenchmarkWrite(WriteShape):
    title = serializers.CharField(max_length=120)
    namespace = serializers.CharField(required=False, help_text="Your own by default.")
    slug = serializers.CharField(required=False, max_length=80)
    claim = serializers.CharField(required=False, max_length=300, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=40), required=False)


class BenchmarkChange(WriteShape):
    title = serializers.CharField(required=False, max_length=120)
    claim = serializers.CharField(required=False, max_length=300, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)


class LastingBoardDetail(serializers.Serializer[Any]):
    """A version whose board stays visible if the benchmark becomes private."""

    number = serializers.IntegerField()
    runs = serializers.IntegerField(help_text="Declared runs with results, or under way.")
    reason = serializers.CharField(help_text="Why it stays visible, as a sentence.")


class BenchmarkDetail(BenchmarkSummary):
    board_version = serializers.IntegerField(
        source="board_version.number",
        allow_null=True,
        default=None,
        help_text="The version whose board its page shows: the newest one with a ranked row.",
    )
    lasting_versions = serializers.SerializerMethodField(
        help_text="What stays visible if the benchmark becomes private, and why."
    )

    class Meta(BenchmarkSummary.Meta):
        fields = (  # type: ignore[assignment]
            *BenchmarkSummary.Meta.fields,
            "board_version",
            "lasting_versions",
        )

    @extend_schema_field(LastingBoardDetail(many=True))
    def get_lasting_versions(self, benchmark: Benchmark) -> Any:
        return LastingBoardDetail(lasting_boards(benchmark), many=True).data


class MemberDetail(serializers.ModelSerializer[BenchmarkTask]):
    task_version = serializers.CharField(source="task_version.public_id")
    task = serializers.CharField(source="task_version.task.public_id")
    title = serializers.CharField(source="task_version.task.title")
    newer_version = serializers.SerializerMethodField(
        help_text="The id of the task's newest version, where it is newer than this one."
    )

    class Meta:
        model = BenchmarkTask
        fields = (
            "task",
            "task_version",
            "newer_version",
            "title",
            "label",
            "weight",
            "metric",
            "position",
        )

    def get_newer_version(self, member: BenchmarkTask) -> str | None:
        newer = member.newer_version
        return newer.public_id if newer else None


class MemberWrite(WriteShape):
    task_version = serializers.CharField(max_length=20)
    weight = serializers.DecimalField(max_digits=9, decimal_places=6, required=False)
    label = serializers.CharField(  # type: ignore[assignment]
        max_length=80, required=False, allow_blank=True
    )


class BenchmarkDraftWrite(WriteShape):
    tasks = MemberWrite(many=True, required=False)
    card = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)
    entry_policy = serializers.ChoiceField(
        choices=BenchmarkVersion.EntryPolicy.choices, required=False
    )
    unscored_allowed = serializers.DecimalField(
        max_digits=5, decimal_places=4, min_value=0, max_value=1, required=False
    )
    entrants = serializers.ChoiceField(choices=BenchmarkVersion.Entrants.choices, required=False)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=5000)


class BenchmarkPublishWrite(WriteShape):
    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)


class BenchmarkVersionDetail(serializers.ModelSerializer[BenchmarkVersion]):
    id = serializers.CharField(source="public_id")
    benchmark = serializers.CharField(source="benchmark.public_id")
    tasks = MemberDetail(many=True)

    class Meta:
        model = BenchmarkVersion
        fields = (
            "id",
            "benchmark",
            "number",
            "state",
            "aggregation",
            "entry_policy",
            "unscored_allowed",
            "entrants",
            "card",
            "notes",
            "content_hash",
            "tasks",
            "created_at",
            "published_at",
            "pinned_at",
        )


class EntryDetail(serializers.ModelSerializer[Entry]):
    contender = serializers.CharField(source="contender.public_id")
    label = serializers.CharField(source="contender.label")  # type: ignore[assignment]
    kind = serializers.CharField(source="contender.kind")
    runs = serializers.SerializerMethodField()

    class Meta:
        model = Entry
        fields = ("id", "contender", "label", "kind", "invalid_reason", "runs", "created_at")

    def get_runs(self, entry: Entry) -> list[int]:
        return sorted(row.run_id for row in entry.entry_runs.all())


class EntryWrite(WriteShape):
    contender = serializers.CharField(max_length=20)


class StartWrite(WriteShape):
    contenders = serializers.ListField(child=serializers.CharField(max_length=20), max_length=100)
    namespace = serializers.CharField(required=False)
    spend_limit_nanodollars = serializers.IntegerField(
        required=False, min_value=0, max_value=10**18, help_text="The limit of each run."
    )


class StartedDetail(serializers.Serializer[Any]):
    runs = serializers.ListField(child=serializers.IntegerField())


class GridCell(serializers.Serializer[Any]):
    contender = serializers.CharField()
    task_version = serializers.CharField()
    state = serializers.CharField()
    run = serializers.IntegerField(allow_null=True)


class MissingCell(serializers.Serializer[Any]):
    contender = serializers.CharField()
    task_version = serializers.CharField()
    cost_bound_nanodollars = serializers.IntegerField()
    is_priced = serializers.BooleanField()


class EntryInvalidateWrite(WriteShape):
    reason = serializers.CharField(max_length=500)
