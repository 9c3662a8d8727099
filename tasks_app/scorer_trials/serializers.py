"""Shapes of trials of scorers in the API."""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers

from plumbmark.accounts.models import User
from plumbmark.background.models import Job
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.rest.serializers import WriteShape
from tasks_app.models import TaskDraft
from tasks_app.runs.queries import viewable_runs
from tasks_app.scorer_trials.sandbox_jobs import start_sandbox_trial
from tasks_app.scorer_trials.trials import (
    MAX_CHARACTERS,
    MAX_OUTPUTS,
    TrialOutput,
    TrialResult,
    read_draft,
    try_on_run,
    try_scorers,
)


class TrialOutputWrite(WriteShape):
    example = {"output": "The answer is B.", "item": "q1"}

    output = serializers.CharField(
        allow_blank=True, trim_whitespace=False, max_length=MAX_CHARACTERS
    )
    item = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="The id of an item."
    )
    target = serializers.JSONField(
        required=False,
        help_text="The right answer, in place of the item's: a text, a number, true or false, or "
        "a list of those.",
    )

    def validate_target(self, target: Any) -> Any:
        found = target if isinstance(target, list) else [target]
        if len(found) > 100 or not all(isinstance(one, str | int | float) for one in found):
            raise serializers.ValidationError(
                "must be a text, a number, true or false, or a list of at most 100 of those"
            )
        return target


class ScorerTrialWrite(WriteShape):
    example = {"outputs": [{"output": "The answer is B.", "item": "q1"}], "sandbox": False}

    outputs = TrialOutputWrite(many=True, required=False)
    run = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text="The id of a run of this task, instead of outputs.",
    )
    sandbox = serializers.BooleanField(
        default=False,
        help_text="Run scorers that are programs too, in the sandbox of a worker: the response is "
        "202 then, and the results are the job's.",
    )

    def validate_outputs(self, outputs: Sequence[Any]) -> Sequence[Any]:
        if len(outputs) > MAX_OUTPUTS:
            raise serializers.ValidationError(f"At most {MAX_OUTPUTS} outputs are tried at once.")
        return outputs


class TrialVerdictDetail(serializers.Serializer[Any]):
    """One scorer's verdict. `value` is null where there is none; `explanation` says why."""

    scorer = serializers.CharField()
    type = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    answer = serializers.CharField(help_text="What was taken from the output.")
    explanation = serializers.CharField()
    start = serializers.IntegerField(allow_null=True, help_text="Where it begins, in characters.")
    end = serializers.IntegerField(allow_null=True)


class TrialResultDetail(serializers.Serializer[Any]):
    """The verdicts of all scorers on one output."""

    item = serializers.CharField()
    output = serializers.CharField()
    target = serializers.JSONField()
    verdicts = TrialVerdictDetail(many=True)


class ScorerTrial(serializers.Serializer[Any]):
    """The verdicts on all outputs, in their order."""

    results = TrialResultDetail(many=True)


def run_trial(draft: TaskDraft, values: Mapping[str, Any], *, by: User) -> list[TrialResult] | Job:
    """Try a draft's scorers on what a request names, or start the job that does, if it asks for the
    sandbox; `InvalidInput` where it names nothing.
    """
    given, run_id = values.get("outputs") or (), values.get("run")
    if bool(given) == bool(run_id):
        raise InvalidInput([Problem("give either outputs or a run", "outputs")])
    outputs = [TrialOutput(one["output"], one.get("item", ""), one.get("target")) for one in given]
    run = None
    if run_id:
        run = viewable_runs(to=by).filter(pk=run_id, task_version__task=draft.task_id).first()
        if run is None:
            raise InvalidInput([Problem("is not a run of this task that you may see", "run")])
    if values["sandbox"]:
        return start_sandbox_trial(draft=draft, outputs=outputs, run=run, by=by)
    read = read_draft(draft)
    return try_scorers(read, outputs) if run is None else try_on_run(read, run, by=by)
