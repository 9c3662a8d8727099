"""Shapes of the API: explicit, flat, separate for reading and writing."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from benchmarks_app.actions.visibility import lasting_boards
from benchmarks_app.composition.contributors import MAX_CONTRIBUTORS_TEXT
from benchmarks_app.composition.queries import fingerprint_of
from benchmarks_app.grid.actions import RunPolicy
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
    example = {"title": "Everyday sums", "claim": "Adding up prices.", "tags": ["arithmetic"]}

    title = serializers.CharField(max_length=120)
    namespace = serializers.CharField(required=False, help_text="Your own by default.")
    slug = serializers.CharField(required=False, max_length=80)
    claim = serializers.CharField(required=False, max_length=300, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=40), required=False)


class BenchmarkChange(WriteShape):
    example = {"claim": "Adding up prices and times.", "visibility": "public"}

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
            "group",
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
    group = serializers.CharField(
        max_length=80,
        required=False,
        allow_blank=True,
        help_text="The group that the board folds the task into.",
    )


class BenchmarkDraftWrite(WriteShape):
    example = {
        "tasks": [{"task_version": "7Kd3PqXwZ2mN", "weight": "1"}],
        "card": {"measures": "Mental arithmetic.", "limits": "Only whole numbers."},
        "entry_policy": "first-declared",
        "unscored_allowed": "0.02",
    }

    tasks = MemberWrite(many=True, required=False)
    card = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)
    entry_policy = serializers.ChoiceField(
        choices=BenchmarkVersion.EntryPolicy.choices, required=False
    )
    unscored_allowed = serializers.DecimalField(
        max_digits=5, decimal_places=4, min_value=0, max_value=1, required=False
    )
    smallest_difference = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="On the scale of the board's score. Smaller differences are called practically "
        "equal; null states none.",
    )
    score_format = serializers.ChoiceField(
        choices=BenchmarkVersion.ScoreFormat.choices,
        required=False,
        allow_blank=True,
        help_text="How the board's scores are written; empty: as the task says.",
    )
    entrants = serializers.ChoiceField(choices=BenchmarkVersion.Entrants.choices, required=False)
    contributors = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=MAX_CONTRIBUTORS_TEXT,
        help_text="One person on each line: `Ada Lovelace @ada: wrote the items`. Only accounts of "
        "the owner can be linked.",
    )
    notes = serializers.CharField(required=False, allow_blank=True, max_length=5000)
    fingerprint = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=40,
        help_text="Of the draft that you read; where it is another by now, nothing is saved.",
    )


class MissingPartDetail(serializers.Serializer[Any]):
    """An entry of the list of what is missing for publication."""

    path = serializers.CharField(help_text="The field of the draft or the benchmark.")
    text = serializers.CharField(help_text="What to do, as a sentence.")


class FollowCorrectionWrite(WriteShape):
    example = {"report": "k3v9q0x2m7pd"}

    report = serializers.CharField(max_length=20, help_text="The id of the accepted report.")


class BenchmarkPublishWrite(WriteShape):
    example = {"visibility": "public"}

    visibility = serializers.ChoiceField(choices=Visibility.choices, required=False)


class BenchmarkVersionDetail(serializers.ModelSerializer[BenchmarkVersion]):
    id = serializers.CharField(source="public_id")
    benchmark = serializers.CharField(source="benchmark.public_id")
    tasks = MemberDetail(many=True)
    fingerprint = serializers.SerializerMethodField(
        help_text="Of a draft: send it with a change, so that nobody's save is overwritten."
    )

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
            "smallest_difference",
            "score_format",
            "entrants",
            "card",
            "contributors",
            "notes",
            "content_hash",
            "tasks",
            "fingerprint",
            "created_at",
            "published_at",
            "pinned_at",
        )

    def get_fingerprint(self, version: BenchmarkVersion) -> str:
        if version.state != BenchmarkVersion.State.DRAFT:
            return ""
        return fingerprint_of(version, sorted(version.tasks.all(), key=lambda one: one.position))


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
    example = {"contender": "c9Tq4mWx8LbR"}

    contender = serializers.CharField(max_length=20)


class StartWrite(WriteShape):
    example = {"contenders": ["c9Tq4mWx8LbR"], "spend_limit_nanodollars": 2_000_000_000}

    contenders = serializers.ListField(child=serializers.CharField(max_length=20), max_length=100)
    namespace = serializers.CharField(required=False)
    spend_limit_nanodollars = serializers.IntegerField(
        required=False, min_value=0, max_value=10**18, help_text="The limit of each run."
    )
    policy = serializers.ChoiceField(
        choices=RunPolicy.choices,
        required=False,
        help_text="Which cells get a run; `missing` if left out.",
    )
    before = serializers.DateTimeField(
        required=False, help_text="With the policy `older`: runs that were started before it."
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
    example = {"reason": "The run used a prompt of another task."}

    reason = serializers.CharField(max_length=500)
