"""Writing batches of samples, with their scores, in one transaction each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F

from plumbmark.common.clock import now
from plumbmark.engine.plan import SampleResult
from plumbmark.engine.ports import CallResult
from plumbmark.engine.values import value_object
from plumbmark.gateway.storage import bulk
from plumbmark.strict_json.texts import make_storable, make_storable_json
from tasks_app.kinds import kind_of
from tasks_app.models import (
    Run,
    Sample,
    SampleCall,
    SampleScore,
    Scoring,
    Shard,
)
from tasks_app.runs.completion import inline_scorings
from tasks_app.runs.output_limit_notes import note_output_limit, noted_output_limit
from tasks_app.runs.planning import PlannedItem
from tasks_app.scorings.output_scorer import ItemVerdict

_ERROR_LENGTH = 1000
_NAME_LENGTH = 200
_MAX_COUNT = 2**31 - 1
SCHEMA_EVENT = "schema requested in another way"
_SCHEMA_WAYS = {
    "json_object": "in a message, beside a request for JSON (json_object)",
    "prompt": "in a message alone (prompt)",
}
_DENSE = 3
"""A batch of ordinals with fewer than so many numbers for each between its ends is a range."""


def score_values(scoring_id: int, sample_id: int, verdict: ItemVerdict) -> tuple[Any, ...]:
    """Return a verdict in the order of `SCORE_FIELDS`."""
    return (
        scoring_id,
        sample_id,
        verdict.value,
        verdict.answer,
        verdict.explanation,
        dict(verdict.details),
    )


def done_ordinals(run: Run, shard: Shard) -> set[int]:
    """Return ordinals of the shard that need not be asked: scored, or tried in this revision
    already.
    """
    stored = Sample.objects.filter(run=run, ordinal__gte=shard.start, ordinal__lt=shard.stop)
    return set(stored.filter(is_scored=True).values_list("ordinal", flat=True)) | set(
        stored.filter(revision=run.revision).values_list("ordinal", flat=True)
    )


@value_object
class SampleRow:
    """A sample ready to be written, with its calls and its verdict."""

    ordinal: int
    values: tuple[Any, ...]
    """In the order of `_SAMPLE_FIELDS`."""
    calls: Sequence[tuple[CallResult, str]]
    """Each with its role."""
    verdict: ItemVerdict | None
    upstream_model: str
    """The model id that the provider returned; empty without an answer."""
    output_limit: int | None
    schema_ways: Sequence[str]
    """The limit of an answer that replaced the task's, because the model cannot give as much."""
    input_tokens: int
    output_tokens: int
    charged: int
    provider_cost: int
    is_unscored: bool
    """Known to be left out of the score already."""


_SAMPLE_FIELDS = (
    "run",
    "item",
    "repeat",
    "ordinal",
    "revision",
    "outcome",
    "is_scored",
    "output",
    "messages",
    "error",
    "input_tokens",
    "output_tokens",
    "charged",
    "provider_cost",
    "latency_ms",
    "finished_at",
    "withheld_reason",
)
_CALL_FIELDS = ("sample", "call", "role", "position")
SCORE_FIELDS = ("scoring", "sample", "value", "answer", "explanation", "details")


def noted_schema_ways(run: Run) -> set[str]:
    """Return the ways to request a schema that the run's log notes."""
    return {line["schema"] for line in run.log if line["event"] == SCHEMA_EVENT}


class BatchWriter:
    """Writes the batches of one run's slice."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._scorer = kind_of(run.task_version).output_scorer
        self.needs_columns = self._scorer.needs_columns
        """Items must come with what their scorers use."""
        self._is_inline = self._scorer.is_pure
        """Marks are made batch by batch; programs and judges come when the run is complete."""
        self.scorings = inline_scorings(run)
        self._scoring_id = self.scorings[0].pk if self.scorings else None
        self._upstream_models = set(run.upstream_models)
        self._output_limit = noted_output_limit(run)
        self._schema_ways = noted_schema_ways(run)
        self.run_goes_on = True
        """Whether the run was still to be worked on at the last write."""

    def prepare(
        self, batch: Sequence[SampleResult], items: Mapping[int, PlannedItem]
    ) -> list[SampleRow]:
        """Score and build rows: everything that needs no transaction."""
        at = now()
        return [self._row(result, items[result.ordinal], at) for result in batch]

    def _row(self, result: SampleResult, item: PlannedItem, at: datetime) -> SampleRow:
        last = result.calls[-1] if result.calls else None
        response = last.response if last else None
        output = make_storable(result.output)
        is_scored = result.outcome.is_scored
        verdict = None
        if is_scored and self._is_inline:
            verdict = self._scorer.score(output, item, result.messages)
        roles = result.roles or ("candidate",) * len(result.calls)
        usages = [
            call.response.usage
            for call, role in zip(result.calls, roles, strict=True)
            if call.response and role == "candidate"
        ]
        input_tokens = sum(usage.input_tokens for usage in usages)
        output_tokens = sum(usage.output_tokens for usage in usages)
        charged = sum(call.charged for call in result.calls)
        provider_cost = sum(call.provider_cost for call in result.calls)
        values = (
            self._run.pk,
            item.id,
            result.ordinal % self._run.repeats,
            result.ordinal,
            self._run.revision,
            result.outcome.value,
            is_scored,
            output,
            None
            if result.messages is None
            else [make_storable_json(one) for one in result.messages],
            make_storable(result.error)[:_ERROR_LENGTH],
            min(input_tokens, _MAX_COUNT),
            min(output_tokens, _MAX_COUNT),
            charged,
            provider_cost,
            last.latency_ms if response and last else None,
            at,
            "",
        )
        return SampleRow(
            ordinal=result.ordinal,
            values=values,
            # A call that was refused before it went out has no record.
            calls=[
                (call, role)
                for call, role in zip(result.calls, roles, strict=True)
                if call.attempts
            ],
            verdict=verdict,
            upstream_model=make_storable(response.model)[:_NAME_LENGTH] if response else "",
            output_limit=min(
                (
                    call.max_output_tokens
                    for call, role in zip(result.calls, roles, strict=True)
                    if call.max_output_tokens is not None and role == "candidate"
                ),
                default=None,
            ),
            schema_ways=[
                call.schema_way
                for call, role in zip(result.calls, roles, strict=True)
                if call.schema_way and call.response is not None and role == "candidate"
            ],
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            charged=charged,
            provider_cost=provider_cost,
            is_unscored=not is_scored or (verdict is not None and verdict.value is None),
        )

    def write(self, rows: Sequence[SampleRow]) -> None:
        """Store a batch. Runs inside the caller's transaction, after the leases were proved."""
        run = self._run
        ordinals = [row.ordinal for row in rows]
        if run.revision > 1:
            # Retries replace the failures that they repeat.
            Sample.objects.filter(
                run=run, ordinal__in=ordinals, is_scored=False, revision__lt=run.revision
            ).delete()
        bulk.insert(Sample, _SAMPLE_FIELDS, (row.values for row in rows))
        ids = self._ids(ordinals)
        bulk.insert(
            SampleCall,
            _CALL_FIELDS,
            (
                (ids[row.ordinal], call.call_id, role, position)
                for row in rows
                for position, (call, role) in enumerate(row.calls)
            ),
        )
        unscored = sum(row.is_unscored for row in rows)
        if self._scoring_id is not None:
            bulk.insert(
                SampleScore,
                SCORE_FIELDS,
                (
                    score_values(self._scoring_id, ids[row.ordinal], row.verdict)
                    for row in rows
                    if row.verdict is not None
                ),
            )
            Scoring.objects.filter(pk=self._scoring_id).update(
                samples_done=F("samples_done") + len(rows),
                samples_unscored=F("samples_unscored") + unscored,
                heartbeat_at=now(),
            )
        self._note_output_limit([row.output_limit for row in rows if row.output_limit is not None])
        self._note_schema_ways({way for row in rows for way in row.schema_ways})
        fresh = {row.upstream_model for row in rows if row.upstream_model} - self._upstream_models
        found = self._run_now(is_changed=bool(fresh))
        Run.objects.filter(pk=run.pk).update(
            **self._with_models(found, fresh),
            samples_done=F("samples_done") + len(rows),
            samples_unscored=F("samples_unscored") + unscored,
            input_tokens=F("input_tokens") + sum(row.input_tokens for row in rows),
            output_tokens=F("output_tokens") + sum(row.output_tokens for row in rows),
            charged=F("charged") + sum(row.charged for row in rows),
            provider_cost=F("provider_cost") + sum(row.provider_cost for row in rows),
            heartbeat_at=now(),
        )

    def _ids(self, ordinals: Sequence[int]) -> dict[int, int]:
        """Return the ids of the stored samples with these ordinals; others may be among them."""
        first, last = min(ordinals), max(ordinals)
        stored = Sample.objects.filter(run=self._run)
        if last - first < _DENSE * len(ordinals):
            # Many numbers in a list cost more to compile than some rows more to read.
            stored = stored.filter(ordinal__gte=first, ordinal__lte=last)
        else:
            stored = stored.filter(ordinal__in=ordinals)
        return dict(stored.values_list("ordinal", "id"))

    def check_run_goes_on(self) -> bool:
        """Look whether somebody paused, cancelled or failed the run meanwhile."""
        self._run_now(is_changed=False)
        return self.run_goes_on

    def _run_now(self, *, is_changed: bool) -> Run:
        """Read the run's state, and lock the row where model ids are added to it."""
        runs = Run.objects.only("state", "upstream_models")
        run = (runs.select_for_update() if is_changed else runs).get(pk=self._run.pk)
        self.run_goes_on = run.state == Run.State.RUNNING
        return run

    def _with_models(self, run: Run, fresh: set[str]) -> dict[str, Any]:
        """Return what adds model ids that the provider returned and that were not seen before."""
        if not fresh:
            return {}
        self._upstream_models |= fresh
        return {"upstream_models": sorted(set(run.upstream_models) | fresh)}

    def _note_output_limit(self, limits: Sequence[int]) -> None:
        """Note in the run's log that answers had a smaller limit than the task asks for; the
        smallest, in one line."""
        smallest = min(limits, default=None)
        if smallest is None:
            return
        if self._output_limit is not None and self._output_limit <= smallest:
            return
        allowed = self._run.parameters.get("max_output_tokens", 0)
        self._output_limit = note_output_limit(
            self._run.pk, smallest, requested=f"the task's {allowed:,}"
        )

    def _note_schema_ways(self, ways: set[str]) -> None:
        """Note in the run's log that the model's host knows no JSON schemas; one line for each way
        in which the schema was requested instead."""
        if ways <= self._schema_ways:
            return
        run = Run.objects.select_for_update().only("log").get(pk=self._run.pk)
        known = noted_schema_ways(run)
        lines = [
            {
                "at": now().isoformat(timespec="seconds"),
                "event": SCHEMA_EVENT,
                "detail": (
                    "The provider refuses JSON schemas (json_schema) for this model, so the schema "
                    f"of the answers is requested {_SCHEMA_WAYS.get(way, way)}."
                ),
                "schema": way,
            }
            for way in sorted(ways - known)
        ]
        self._schema_ways = known | ways
        if lines:
            Run.objects.filter(pk=self._run.pk).update(log=[*run.log, *lines])
