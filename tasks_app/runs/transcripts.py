"""One complete sample: question, answer, verdict and every exchange behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from django.http import Http404

from plumbmark.accounts.permissions import Visitor
from plumbmark.engine.solvers import CANDIDATE
from plumbmark.gateway.models import Call
from plumbmark.gateway.recorded_calls import LinkedCall, RecordedCall, read_exchanges
from plumbmark.scoring.reasoning import SplitOutput
from plumbmark.scoring.tool_calls import calls_made
from tasks_app.kinds import kind_of
from tasks_app.models import Item, Run, Sample, SampleCall, SampleScore, Scoring
from tasks_app.permissions import can_view_item
from tasks_app.runs.queries import current_scoring


@dataclass(frozen=True)
class Transcript:
    run: Run
    sample: Sample
    item: Item
    messages: Sequence[Mapping[str, Any]]
    scoring: Scoring | None
    score: SampleScore | None
    calls: Sequence[RecordedCall]

    @cached_property
    def split(self) -> SplitOutput:
        """The output as its scorers see it, and the reasoning that is kept from them."""
        return kind_of(self.run.task_version).output_scorer.split(self.sample.output)

    @cached_property
    def last_call_number(self) -> int | None:
        """The place among `calls` of the last one to the candidate; None if there is none.

        In a conversation of several turns, or one with tools, the output is the answer of the last
        call. A program calls models as it likes: its output is no call's answer.
        """
        if kind_of(self.run.task_version).runs_program:
            return None
        numbers = [n for n, recorded in enumerate(self.calls) if recorded.role == CANDIDATE]
        return numbers[-1] if numbers else None

    @cached_property
    def reasoning_apart(self) -> str:
        """The reasoning that the provider sent apart from the output; empty where withheld."""
        if self.sample.is_withheld or self.item.is_withheld or self.last_call_number is None:
            return ""
        answer = self.calls[self.last_call_number].answer
        return "" if answer is None else answer.reasoning

    def as_document(self) -> dict[str, Any]:
        """Return the transcript for the API."""
        sample, score = self.sample, self.score
        return {
            "run": self.run.pk,
            "ordinal": sample.ordinal,
            "item": self.item,
            "repeat": sample.repeat,
            "outcome": sample.outcome,
            "is_scored": sample.is_scored,
            "output": sample.output,
            "reasoning": "\n\n".join(filter(None, [self.reasoning_apart, self.split.reasoning])),
            "error": sample.error,
            "messages": [dict(message) for message in self.messages],
            "tool_calls": [asdict(call) for call in calls_made(self.messages)],
            "value": score.value if score else None,
            "answer": score.answer if score else None,
            "explanation": score.explanation if score else None,
            "details": score.details if score else {},
            "calls": [_call_document(recorded) for recorded in self.calls],
        }


def item_of_sample(*, run: Run, ordinal: int, to: Visitor) -> Item:
    """Return the item of a sample; 404 if the visitor may not see it."""
    return _sample(run, ordinal, to).item


def _sample(run: Run, ordinal: int, to: Visitor) -> Sample:
    sample = Sample.objects.select_related("item").filter(run=run, ordinal=ordinal).first()
    if sample is None or not can_view_item(to, sample.item, run.task_version.task):
        raise Http404
    return sample


def transcript_of(*, run: Run, ordinal: int, to: Visitor) -> Transcript:
    """Return the transcript of one sample; 404 if the visitor may not see its item."""
    sample = _sample(run, ordinal, to)
    scoring = current_scoring(run)
    score = SampleScore.objects.filter(scoring=scoring, sample=sample).first() if scoring else None
    return Transcript(
        run=run,
        sample=sample,
        item=sample.item,
        messages=messages_of(run, sample),
        scoring=scoring,
        score=score,
        calls=_calls_of(sample),
    )


def messages_of(run: Run, sample: Sample) -> Sequence[Mapping[str, Any]]:
    """Return the messages that were sent; none where the item is withheld."""
    if sample.item.is_withheld:
        return []
    return kind_of(run.task_version).messages_of(sample)


def _calls_of(sample: Sample) -> list[RecordedCall]:
    links = list(SampleCall.objects.filter(sample=sample).order_by("position"))
    ids = [link.call_id for link in links]
    found = Call.objects.filter(pk__in=ids).select_related("deployment", "grant__payer", "exchange")
    calls = {call.pk: call for call in found}
    return read_exchanges(
        [
            LinkedCall(
                link.role, calls[link.call_id], getattr(calls[link.call_id], "exchange", None)
            )
            for link in links
            # Where it is missing, it is answered and stored, and its record on its way to the
            # table.
            if link.call_id in calls
        ]
    )


def _call_document(recorded: RecordedCall) -> dict[str, Any]:
    call = recorded.call
    return {
        "id": str(call.pk),
        "role": recorded.role,
        "status": call.status,
        "deployment": call.deployment.slug,
        "upstream_model": call.upstream_model,
        "finish_reason": call.finish_reason,
        "attempts": call.attempts,
        "started_at": call.started_at.isoformat(),
        "latency_ms": call.latency_ms,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "usage_estimated": call.usage_estimated,
        "charged_nanodollars": call.charged,
        "provider_cost_nanodollars": call.provider_cost,
        "request": recorded.request,
        "response": recorded.response,
        "note": recorded.note,
        "exchange_hash": recorded.hash,
    }
