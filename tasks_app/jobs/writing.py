"""Writing batches of samples, with their scores, in one transaction each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import F

from plumbmark.common.clock import now
from plumbmark.engine.plan import SampleResult
from tasks_app.marking import Mark, Marker
from tasks_app.models import Item, Run, Sample, SampleCall, SampleScore, Scoring, Shard

_ERROR_LENGTH = 1000
NUL = "\x00"


def done_ordinals(run: Run, shard: Shard) -> set[int]:
    """Ordinals of the shard that need no asking: scored, or tried in this revision already."""
    stored = Sample.objects.filter(run=run, ordinal__gte=shard.start, ordinal__lt=shard.stop)
    return set(stored.filter(is_scored=True).values_list("ordinal", flat=True)) | set(
        stored.filter(revision=run.revision).values_list("ordinal", flat=True)
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A sample ready to be written, with its calls and its mark."""

    sample: Sample
    calls: Sequence[SampleCall]
    mark: Mark | None
    upstream_model: str
    """The model id that the provider returned; empty without an answer."""


class BatchWriter:
    """Writes the batches of one run's slice."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._marker = Marker(run.task_version)
        self._scoring_id = (
            Scoring.objects.filter(run=run, is_inline=True, revision=run.revision)
            .values_list("id", flat=True)
            .first()
        )
        self._upstream_models = set(run.upstream_models)
        self.run_goes_on = True
        """Whether the run was still to be worked on at the last write."""

    def prepare(self, batch: Sequence[SampleResult], items: Mapping[int, Item]) -> list[Row]:
        """Score and build rows: everything that needs no transaction."""
        at = now()
        rows = []
        for result in batch:
            item = items[result.ordinal]
            last = result.calls[-1] if result.calls else None
            response = last.response if last else None
            # PostgreSQL's text cannot hold a NUL; the exchange keeps the exact bytes.
            output = result.output.replace(NUL, "�")
            is_scored = result.outcome.is_scored
            mark = self._marker.mark(output, item) if is_scored else None
            sample = Sample(
                run=self._run,
                item=item,
                repeat=result.ordinal % self._run.repeats,
                ordinal=result.ordinal,
                revision=self._run.revision,
                outcome=result.outcome.value,
                is_scored=is_scored,
                output=output,
                error=result.error.replace(NUL, "�")[:_ERROR_LENGTH],
                input_tokens=response.usage.input_tokens if response else 0,
                output_tokens=response.usage.output_tokens if response else 0,
                charged=sum(call.charged for call in result.calls),
                provider_cost=sum(call.provider_cost for call in result.calls),
                latency_ms=last.latency_ms if response and last else None,
                finished_at=at,
            )
            calls = [
                SampleCall(sample=sample, call_id=call.call_id, position=position)
                for position, call in enumerate(result.calls)
                # A call that was refused before it went out has no record.
                if call.attempts
            ]
            rows.append(Row(sample, calls, mark, response.model if response else ""))
        return rows

    def write(self, rows: Sequence[Row]) -> None:
        """Store a batch. Runs inside the caller's transaction, after the leases were proved."""
        samples = [row.sample for row in rows]
        if self._run.revision > 1:
            # Second tries take the place of the failures that they repeat.
            Sample.objects.filter(
                run=self._run,
                ordinal__in=[sample.ordinal for sample in samples],
                is_scored=False,
                revision__lt=self._run.revision,
            ).delete()
        Sample.objects.bulk_create(samples)
        for row in rows:
            for call in row.calls:
                call.sample_id = row.sample.pk
        SampleCall.objects.bulk_create([call for row in rows for call in row.calls])
        unscored = sum(1 for row in rows if row.mark is None or row.mark.value is None)
        if self._scoring_id is not None:
            SampleScore.objects.bulk_create(
                SampleScore(
                    scoring_id=self._scoring_id,
                    sample=row.sample,
                    value=row.mark.value,
                    answer=row.mark.answer,
                    explanation=row.mark.explanation,
                    details=dict(row.mark.details),
                )
                for row in rows
                if row.mark is not None
            )
            Scoring.objects.filter(pk=self._scoring_id).update(
                samples_done=F("samples_done") + len(rows),
                samples_unscored=F("samples_unscored") + unscored,
                heartbeat_at=now(),
            )
        self._note_models({row.upstream_model for row in rows if row.upstream_model})
        self._update_run(samples, unscored)

    def _update_run(self, samples: Sequence[Sample], unscored: int) -> None:
        Run.objects.filter(pk=self._run.pk).update(
            samples_done=F("samples_done") + len(samples),
            samples_unscored=F("samples_unscored") + unscored,
            input_tokens=F("input_tokens") + sum(sample.input_tokens for sample in samples),
            output_tokens=F("output_tokens") + sum(sample.output_tokens for sample in samples),
            charged=F("charged") + sum(sample.charged for sample in samples),
            provider_cost=F("provider_cost") + sum(sample.provider_cost for sample in samples),
            heartbeat_at=now(),
        )
        self.check_run_goes_on()

    def check_run_goes_on(self) -> bool:
        """Look whether somebody paused, cancelled or failed the run meanwhile."""
        state = Run.objects.filter(pk=self._run.pk).values_list("state", flat=True).get()
        self.run_goes_on = state == Run.State.RUNNING
        return self.run_goes_on

    def _note_models(self, names: set[str]) -> None:
        """Remember model ids that the provider returned and that were not seen before."""
        fresh = names - self._upstream_models
        if not fresh:
            return
        self._upstream_models |= fresh
        run = Run.objects.select_for_update().only("upstream_models").get(pk=self._run.pk)
        Run.objects.filter(pk=self._run.pk).update(
            upstream_models=sorted(set(run.upstream_models) | fresh)
        )
