"""Observations of a model on a version's questions: from a probe, or from an earlier run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from django.db.models import Count, Q, Sum

from plumbmark.accounts.models import Namespace, User
from plumbmark.engine.ports import Usage
from plumbmark.gateway.calls.policy import current_price_card
from plumbmark.gateway.catalogue.prices import cost
from plumbmark.gateway.models import Deployment
from plumbmark.manifests import content_hash
from tasks_app.models import (
    Contender,
    ItemTrial,
    Run,
    Sample,
    SampleCall,
    SampleScore,
    TaskVersion,
)
from tasks_app.runs.queries import scorings_by_run, viewable_runs

MAX_OBSERVED = 200
"""Samples of an earlier run that are looked at, evenly spread over it."""
SourceKind = Literal["probe", "run", "other-model"]


@dataclass(frozen=True, slots=True)
class Observation:
    """One sample that was asked before. Costs are nanodollars, with judges and simulated users."""

    calls: int
    input_tokens: int
    output_tokens: int
    charged: int
    milliseconds: int
    """Of the candidate's calls together."""
    value: float | None
    """Its score, None where it has none."""


@dataclass(frozen=True, slots=True)
class Observations:
    """Samples of one run. `other-model`: another model's tokens, at the price of the one asked."""

    source: SourceKind
    run: Run
    samples: Sequence[Observation]
    unanswered: int
    """Samples without an answer, which say nothing of tokens or cost."""


def observe(
    version: TaskVersion,
    deployment: Deployment,
    configuration: Mapping[str, object],
    *,
    namespace: Namespace,
    by: User,
) -> Observations | None:
    """Return what is known: an earlier run of this model, else its probe, else another model's run.

    Only runs that the person may see are used.
    """
    hashed = content_hash(dict(configuration))
    known = Contender.objects.filter(deployment=deployment, configuration_hash=hashed)
    contender_id = known.values_list("pk", flat=True).first()
    finished = (
        viewable_runs(to=by)
        .filter(
            question_hash=version.question_hash,
            state=Run.State.COMPLETED,
            invalid_reason="",
            grant__isnull=False,
        )
        .exclude(purpose=Run.Purpose.TRY)
        .order_by("-id")
    )
    if contender_id is not None:
        if (run := finished.filter(contender=contender_id).first()) is not None:
            return _observations("run", run)
        probe = probe_of(version, contender_id, namespace=namespace)
        if probe is not None and probe.state == Run.State.COMPLETED:
            found = _observations("probe", probe)
            if found.samples:
                return found
    if (run := finished.exclude(contender__deployment=None).first()) is not None:
        return _at_price_of(deployment, _observations("other-model", run))
    return None


def probe_of(version: TaskVersion, contender_id: int, *, namespace: Namespace) -> Run | None:
    """Return the newest probe of a contender that the namespace paid for."""
    return (
        Run.objects.filter(
            item_trials__version=version,
            item_trials__namespace=namespace,
            item_trials__reason=ItemTrial.TrialReason.PREFLIGHT,
            contender=contender_id,
        )
        .order_by("-id")
        .first()
    )


def _observations(source: SourceKind, run: Run) -> Observations:
    ordinals = run.sampled_positions
    if ordinals is None:
        step = max(1, run.samples_total // MAX_OBSERVED)
        ordinals = list(range(0, run.samples_total, step))[:MAX_OBSERVED]
    of_candidate = ~Q(role="judge")
    ids = list(
        Sample.objects.filter(run=run, ordinal__in=ordinals, latency_ms__isnull=False).values_list(
            "pk", flat=True
        )
    )
    scoring = scorings_by_run([run]).get(run.pk)
    values = dict(
        SampleScore.objects.filter(scoring=scoring, sample__in=ids).values_list(
            "sample_id", "value"
        )
    )
    rows = (
        SampleCall.objects.filter(sample__in=ids)
        .exclude(role=SampleCall.EARLIER_TRY)
        .values("sample_id")
        .annotate(
            calls=Count("id"),
            tokens_in=Sum("call__input_tokens", filter=of_candidate),
            tokens_out=Sum("call__output_tokens", filter=of_candidate),
            cost=Sum("call__charged"),
            ms=Sum("call__latency_ms", filter=of_candidate),
        )
        .order_by("sample_id")
    )
    samples = [
        Observation(
            row["calls"],
            row["tokens_in"] or 0,
            row["tokens_out"] or 0,
            row["cost"] or 0,
            row["ms"] or 0,
            values.get(row["sample_id"]),
        )
        for row in rows
    ]
    return Observations(source, run, samples, unanswered=len(ordinals) - len(samples))


def _at_price_of(deployment: Deployment, found: Observations) -> Observations:
    """Return another model's samples with what they would cost here; without its times."""
    card = current_price_card(deployment.pk) if deployment.owner_id is None else None
    samples = [
        Observation(
            one.calls,
            one.input_tokens,
            one.output_tokens,
            cost(card, Usage(one.input_tokens, one.output_tokens)) if card else 0,
            0,
            one.value,
        )
        for one in found.samples
    ]
    return Observations(found.source, found.run, samples, found.unanswered)
