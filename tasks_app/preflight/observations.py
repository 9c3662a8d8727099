"""Observations of models on a version's questions: from probes, or from earlier runs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery, Sum

from plumbmark.accounts.models import Namespace, User
from plumbmark.engine.ports import Usage
from plumbmark.gateway.catalogue.prices import cost
from plumbmark.gateway.models import Deployment, PriceCard
from plumbmark.manifests import content_hash
from tasks_app.models import (
    ItemTrial,
    Run,
    SampleCall,
    SampleScore,
    Scoring,
    TaskVersion,
)
from tasks_app.runs.queries import viewable_runs

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


@dataclass(frozen=True, slots=True)
class KnownRuns:
    """Runs on a version's questions that the person may see, with the samples that are looked at.

    By deployment; all of them with one configuration.
    """

    finished: Mapping[int, Run]
    """The newest complete run of each, on any version with these questions."""
    probes: Mapping[int, Run]
    """The newest probe of each that the namespace paid for, complete or not."""
    newest: Run | None
    """The newest complete run of any model."""
    samples: Mapping[int, Sequence[Observation]]
    """By run."""

    def observe(self, deployment: Deployment, card: PriceCard | None) -> Observations | None:
        """Return what is known of a model: its earlier run, else its probe, else another's run, at
        the price of this one.
        """
        if (run := self.finished.get(deployment.pk)) is not None:
            return self._of_run("run", run)
        probe = self.probes.get(deployment.pk)
        if probe is not None and self.samples.get(probe.pk):
            return self._of_run("probe", probe)
        if self.newest is not None:
            return _at_price_of(deployment, card, self._of_run("other-model", self.newest))
        return None

    def _of_run(self, source: SourceKind, run: Run) -> Observations:
        samples = self.samples.get(run.pk, ())
        return Observations(source, run, samples, len(_ordinals_of(run)) - len(samples))


def read_known_runs(
    version: TaskVersion,
    deployments: Sequence[Deployment],
    configuration: Mapping[str, object],
    *,
    namespace: Namespace,
    by: User,
) -> KnownRuns:
    """Read what is known of these models with this configuration, in two queries."""
    asked = Q(
        contender__deployment__in=[one.pk for one in deployments],
        contender__configuration_hash=content_hash(dict(configuration)),
    )
    complete = (
        viewable_runs(to=by)
        .filter(
            question_hash=version.question_hash,
            state=Run.State.COMPLETED,
            invalid_reason="",
            grant__isnull=False,
        )
        .exclude(purpose=Run.Purpose.TRY)
    )
    probes = Run.objects.filter(
        item_trials__version=version,
        item_trials__namespace=namespace,
        item_trials__reason=ItemTrial.TrialReason.PREFLIGHT,
    )
    of_any_model = complete.exclude(contender__deployment=None).order_by("-id").values("pk")[:1]
    current = Scoring.objects.filter(
        run=OuterRef("pk"), task_version=OuterRef("task_version")
    ).order_by("-revision", "-id")
    rows = (
        Run.objects.filter(
            Q(pk__in=_newest_of_each(complete.filter(asked)))
            | Q(pk__in=_newest_of_each(probes.filter(asked)))
            | Q(pk__in=of_any_model)
        )
        .select_related("task_version__task__namespace", "contender", "namespace")
        .annotate(scoring_id=Subquery(current.values("pk")[:1]))
        .order_by("id")
    )
    wanted = {one.pk for one in deployments}
    hashed = content_hash(dict(configuration))
    finished: dict[int, Run] = {}
    probed: dict[int, Run] = {}
    newest = None
    for run in rows:
        is_probe = run.purpose == Run.Purpose.TRY
        deployment = run.contender.deployment_id
        if deployment in wanted and run.contender.configuration_hash == hashed:
            (probed if is_probe else finished)[deployment] = run
        if not is_probe and deployment is not None:
            newest = run
    looked_at = [
        *finished.values(),
        *(run for run in probed.values() if run.state == Run.State.COMPLETED),
        *([newest] if newest else []),
    ]
    return KnownRuns(finished, probed, newest, _read_samples(looked_at))


def _newest_of_each(runs: QuerySet[Run]) -> QuerySet[Run, Any]:
    newest = runs.order_by().values("contender_id").annotate(newest=Max("id"))
    return newest.values("newest")


def _ordinals_of(run: Run) -> list[int]:
    """Return the samples of a run that are looked at."""
    if run.sampled_positions is not None:
        return list(run.sampled_positions)
    step = max(1, run.samples_total // MAX_OBSERVED)
    return list(range(0, run.samples_total, step))[:MAX_OBSERVED]


def _read_samples(runs: Iterable[Run]) -> dict[int, list[Observation]]:
    """Return the answered samples that are looked at, by run. One query."""
    wanted = Q()
    scorings = set()
    for run in runs:
        wanted |= Q(sample__run=run, sample__ordinal__in=_ordinals_of(run))
        scorings.add(run.scoring_id)  # type: ignore[attr-defined]
    found: dict[int, list[Observation]] = defaultdict(list)
    if not wanted:
        return found
    of_candidate = ~Q(role="judge")
    scores = SampleScore.objects.filter(
        scoring__in=[one for one in scorings if one is not None], sample=OuterRef("sample_id")
    )
    rows = (
        SampleCall.objects.filter(wanted, sample__latency_ms__isnull=False)
        .exclude(role=SampleCall.EARLIER_TRY)
        .values("sample_id", run=F("sample__run_id"))
        .annotate(
            calls=Count("id"),
            tokens_in=Sum("call__input_tokens", filter=of_candidate),
            tokens_out=Sum("call__output_tokens", filter=of_candidate),
            cost=Sum("call__charged"),
            ms=Sum("call__latency_ms", filter=of_candidate),
        )
        .annotate(score=Subquery(scores.values("value")[:1]))
        .order_by("sample_id")
    )
    for row in rows:
        found[row["run"]].append(
            Observation(
                row["calls"],
                row["tokens_in"] or 0,
                row["tokens_out"] or 0,
                row["cost"] or 0,
                row["ms"] or 0,
                row["score"],
            )
        )
    return found


def _at_price_of(
    deployment: Deployment, card: PriceCard | None, found: Observations
) -> Observations:
    """Return another model's samples with what they would cost here; without its times."""
    is_metered = deployment.owner_id is None and card is not None
    samples = [
        Observation(
            one.calls,
            one.input_tokens,
            one.output_tokens,
            cost(card, Usage(one.input_tokens, one.output_tokens)) if card and is_metered else 0,
            0,
            one.value,
        )
        for one in found.samples
    ]
    return Observations(found.source, found.run, samples, found.unanswered)
