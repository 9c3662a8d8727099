"""Shapes of the API: explicit, flat, separate for reading and writing."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from plumbmark.rest.serializers import WriteShape
from plumbmark.web.numbers import format_score
from tasks_app.authoring.serializers import ItemDetail
from tasks_app.models import (
    Contender,
    Run,
    Sample,
    Scoring,
)
from tasks_app.runs.queries import charged_by_judges, current_scoring, run_status_of
from tasks_app.scorings.metric_documents import metric_document
from tasks_app.scorings.serializers import EstimateDetail


class ContenderDetail(serializers.ModelSerializer[Contender]):
    id = serializers.CharField(source="public_id")
    model = serializers.CharField(source="model.slug", allow_null=True)
    deployment = serializers.CharField(source="deployment.slug", allow_null=True)

    class Meta:
        model = Contender
        fields = (
            "id",
            "kind",
            "label",
            "maker",
            "model",
            "deployment",
            "configuration",
            "created_at",
        )


class ContenderWrite(WriteShape):
    example = {"deployment": "baseline/echo", "configuration": {}}

    deployment = serializers.CharField(max_length=200, help_text="The deployment's name.")
    configuration = serializers.DictField(required=False)


class RunSummary(serializers.ModelSerializer[Run]):
    task = serializers.CharField(source="task_version.task.public_id")
    task_version = serializers.CharField(source="task_version.public_id")
    contender = serializers.CharField(source="contender.public_id")
    contender_label = serializers.CharField(source="contender.label")
    namespace = serializers.CharField(source="namespace.handle")
    charged_nanodollars = serializers.IntegerField(source="charged")
    url = serializers.CharField(source="get_absolute_url")

    class Meta:
        model = Run
        fields = (
            "id",
            "task",
            "task_version",
            "contender",
            "contender_label",
            "namespace",
            "purpose",
            "state",
            "pause_reason",
            "failure",
            "invalid_reason",
            "revision",
            "samples_total",
            "samples_done",
            "samples_unscored",
            "charged_nanodollars",
            "created_at",
            "started_at",
            "finished_at",
            "url",
        )


class ScoringDetail(serializers.ModelSerializer[Scoring]):
    task_version = serializers.CharField(source="task_version.public_id")
    estimate = serializers.SerializerMethodField()
    display = serializers.SerializerMethodField(
        help_text="`value` as pages write it; empty for none."
    )

    class Meta:
        model = Scoring
        fields = (
            "id",
            "task_version",
            "revision",
            "state",
            "marking_hash",
            "scorer_versions",
            "samples_total",
            "samples_done",
            "samples_unscored",
            "value",
            "display",
            "estimate",
            "created_at",
            "finished_at",
        )

    @extend_schema_field(EstimateDetail(allow_null=True))
    def get_estimate(self, scoring: Scoring) -> Any:
        return scoring.estimate

    def get_display(self, scoring: Scoring) -> str:
        return format_score(scoring.value, metric_document(scoring.task_version))


class RunStatusDetail(serializers.Serializer[Any]):
    percent = serializers.IntegerField()
    waits_for = serializers.CharField()
    runs_ahead = serializers.IntegerField()
    heartbeat_at = serializers.DateTimeField(allow_null=True)
    samples_per_second = serializers.FloatField(allow_null=True)
    expected_end = serializers.DateTimeField(allow_null=True)


class DeploymentFacts(serializers.Serializer[Any]):
    """The deployment that a run called. Its address is left out: it may be a private server."""

    slug = serializers.CharField()
    provider = serializers.CharField()
    upstream_id = serializers.CharField()
    extra_body = serializers.DictField(
        default=dict, help_text="Fields that the deployment adds to every request."
    )


class RunDetail(RunSummary):
    deployment_facts = serializers.SerializerMethodField()
    cost_bound_nanodollars = serializers.IntegerField(source="cost_bound")
    provider_cost_nanodollars = serializers.IntegerField(source="provider_cost")
    judges_charged_nanodollars = serializers.SerializerMethodField(
        help_text="What judges cost, over all scorings of the run."
    )
    passport = serializers.SerializerMethodField()
    scoring = serializers.SerializerMethodField()

    class Meta(RunSummary.Meta):
        fields = (  # type: ignore[assignment]
            *RunSummary.Meta.fields,
            "question_hash",
            "marking_hash",
            "parameters",
            "deployment_facts",
            "upstream_models",
            "engine_version",
            "scorer_versions",
            "platform_version",
            "item_count",
            "repeats",
            "cost_bound_nanodollars",
            "provider_cost_nanodollars",
            "judges_charged_nanodollars",
            "input_tokens",
            "output_tokens",
            "median_latency_ms",
            "log",
            "passport",
            "scoring",
        )

    @extend_schema_field(DeploymentFacts(allow_null=True))
    def get_deployment_facts(self, run: Run) -> dict[str, Any] | None:
        # Submitted outputs have none.
        return DeploymentFacts(run.deployment_facts).data if run.deployment_facts else None

    def get_judges_charged_nanodollars(self, run: Run) -> int:
        return charged_by_judges(run)

    def get_passport(self, run: Run) -> RunStatusDetail:
        return RunStatusDetail(run_status_of(run)).data  # type: ignore[return-value]

    @extend_schema_field(ScoringDetail(allow_null=True))
    def get_scoring(self, run: Run) -> ScoringDetail | None:
        scoring = current_scoring(run)
        return None if scoring is None else ScoringDetail(scoring).data  # type: ignore[return-value]


class RunWrite(WriteShape):
    example = {
        "task_version": "7Kd3PqXwZ2mN",
        "deployment": "baseline/echo",
        "purpose": "exploratory",
        "spend_limit_nanodollars": 500_000_000,
    }

    task_version = serializers.CharField(max_length=20)
    deployment = serializers.CharField(
        required=False,
        max_length=200,
        help_text="The deployment's name; alternatively, give a contender.",
    )
    configuration = serializers.DictField(required=False)
    contender = serializers.CharField(required=False, max_length=20)
    purpose = serializers.ChoiceField(choices=Run.Purpose.choices)
    namespace = serializers.CharField(required=False)
    spend_limit_nanodollars = serializers.IntegerField(
        required=False, min_value=0, max_value=10**18
    )


class CostPartDetail(serializers.Serializer[Any]):
    role = serializers.CharField(help_text="`model`, `simulated user` or `judge`.")
    deployment = serializers.CharField()
    total_nanodollars = serializers.IntegerField(source="total")
    is_metered = serializers.BooleanField()
    is_priced = serializers.BooleanField()


class CostBoundDetail(serializers.Serializer[Any]):
    total_nanodollars = serializers.IntegerField(source="total")
    samples = serializers.IntegerField()
    max_output_tokens = serializers.IntegerField()
    is_metered = serializers.BooleanField()
    is_priced = serializers.BooleanField()
    is_open = serializers.BooleanField(
        help_text="A program's calls are unknown beforehand; only the spend limit bounds its cost."
    )
    parts = CostPartDetail(many=True, help_text="What each deployment costs at most.")


class SampleSummary(serializers.ModelSerializer[Sample]):
    item = serializers.CharField(source="item.key")
    value = serializers.FloatField(allow_null=True, help_text="The main score; null if unscored.")
    answer = serializers.CharField(allow_null=True)
    charged_nanodollars = serializers.IntegerField(source="charged")

    class Meta:
        model = Sample
        fields = (
            "ordinal",
            "item",
            "repeat",
            "outcome",
            "is_scored",
            "value",
            "answer",
            "output",
            "error",
            "input_tokens",
            "output_tokens",
            "charged_nanodollars",
            "latency_ms",
            "finished_at",
        )


class ManifestDetail(serializers.Serializer[Any]):
    hash = serializers.CharField(help_text="The content hash of `manifest`.")
    manifest = serializers.DictField(
        source="document", help_text="Hashes, facts and estimate: docs/readers/verifying.md."
    )


class ToolCallDetail(serializers.Serializer[Any]):
    tool = serializers.CharField()
    arguments = serializers.DictField()
    result = serializers.CharField(
        allow_null=True, help_text="null: the sample ended before the result."
    )
    is_error = serializers.BooleanField()


class OtherAnswerDetail(serializers.Serializer[Any]):
    """The sample of another contender on the same item."""

    run = serializers.IntegerField()
    ordinal = serializers.IntegerField()
    contender = serializers.CharField()
    contender_label = serializers.CharField()
    outcome = serializers.CharField()
    value = serializers.FloatField(allow_null=True, help_text="null: it has no score.")


class SampleDetail(serializers.Serializer[Any]):
    """One sample with its raw exchanges."""

    run = serializers.IntegerField()
    ordinal = serializers.IntegerField()
    item = ItemDetail()
    repeat = serializers.IntegerField()
    outcome = serializers.CharField()
    is_scored = serializers.BooleanField()
    output = serializers.CharField()
    reasoning = serializers.CharField(
        help_text=(
            "What scorers do not see, because it is reasoning: what the provider sent apart from "
            "the output, then the reasoning in the output."
        )
    )
    error = serializers.CharField()
    messages = serializers.ListField(child=serializers.DictField())
    tool_calls = ToolCallDetail(many=True)
    value = serializers.FloatField(allow_null=True)
    answer = serializers.CharField(allow_null=True)
    explanation = serializers.CharField(allow_null=True)
    details = serializers.DictField()
    calls = serializers.ListField(child=serializers.DictField())


MAX_OUTPUTS = 100_000
"""Rows of outputs in a JSON body; more are sent as a file."""


class SubmittedModel(WriteShape):
    model_name = serializers.CharField(max_length=120)
    maker = serializers.CharField(max_length=80, required=False, allow_blank=True)
    description = serializers.CharField(max_length=5000, required=False, allow_blank=True)
    namespace = serializers.CharField(required=False, help_text="Your own by default.")


class SubmissionWrite(SubmittedModel):
    """Outputs as rows."""

    example = {
        "model_name": "larch-3",
        "maker": "Arbor",
        "outputs": [{"id": "FR", "output": "Paris"}, {"id": "PE", "output": "Lima"}],
    }

    outputs = serializers.ListField(
        child=serializers.DictField(),
        max_length=MAX_OUTPUTS,
        help_text="Rows of id, output[, repeat].",
        error_messages={"required": _("give rows, or send a file as multipart/form-data")},
    )


class SubmissionForm(SubmittedModel):
    """Outputs as a file."""

    example = {"model_name": "larch-3", "maker": "Arbor", "file": "@outputs.jsonl"}

    file = serializers.FileField(
        help_text="JSONL or CSV: id, output[, repeat].",
        error_messages={"required": _("give a file, or send rows of outputs as JSON")},
    )


class SpendLimitWrite(WriteShape):
    example = {"spend_limit_nanodollars": 3_000_000_000}

    spend_limit_nanodollars = serializers.IntegerField(
        allow_null=True,
        min_value=0,
        max_value=10**18,
        help_text="null: only the quota limits the run.",
    )


class RunInvalidateWrite(WriteShape):
    example = {"reason": "The endpoint served another model."}

    reason = serializers.CharField(max_length=500)
