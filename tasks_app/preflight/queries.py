"""The pre-flight of a run: its bound, and what is likely, with where each number comes from."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from plumbmark.accounts.models import Namespace, User
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from plumbmark.gateway.models import Deployment
from plumbmark.scoring.preflight import (
    LikelyTotal,
    difference_found,
    items_needed,
    largest_variance,
    predict_total,
    score_variance,
)
from tasks_app.kinds import CostBound, kind_of
from tasks_app.models import Contender, Run, TaskVersion
from tasks_app.preflight.observations import KnownRuns, Observations, read_known_runs
from tasks_app.runs.bound_inputs import BoundInputs, BoundRequest, read_bound_inputs
from tasks_app.runs.cost import bound_request
from tasks_app.runs.start import check_start
from tasks_app.scorings.estimates import metric_of

PROBE_ITEMS = 5
DEFAULT_POINTS = 5.0
"""The difference that an author wants to see if none is named, in hundredths of the scale."""


@dataclass(frozen=True, slots=True)
class Discernment:
    """The differences that the version's items can tell."""

    detectable: float | None
    """The smallest one, on the metric's scale; None where it is not known."""
    at_worst: float | None
    """The same if scores vary as much as the metric's bounds allow; None without bounds."""
    needed: int | None
    """Items that the wanted difference takes, where the version has too few."""
    is_measured: bool
    """From scores of a model; otherwise only `at_worst` is known."""


@dataclass(frozen=True, slots=True)
class ModelPreflight:
    """A forecast of one model's run. Money is in nanodollars."""

    contender: Contender
    refusal: str
    """Why it cannot be run; then the rest is empty."""
    bound: CostBound | None
    probe_bound: CostBound | None
    """The most that a probe costs."""
    probe: Run | None
    """The newest one, finished or not."""
    observed: Observations | None
    calls: LikelyTotal | None
    input_tokens: LikelyTotal | None
    output_tokens: LikelyTotal | None
    cost: LikelyTotal | None
    seconds: LikelyTotal | None
    discernment: Discernment

    @property
    def is_probed(self) -> bool:
        return self.observed is not None and self.observed.source == "probe"

    @property
    def is_probe_live(self) -> bool:
        return self.probe is not None and self.probe.state in {
            Run.State.QUEUED,
            Run.State.RUNNING,
        }


def probe_positions(version: TaskVersion) -> list[int]:
    """Return the places of the items of a probe: drawn at random, the same ones for each model."""
    count = version.item_count
    drawn = random.Random(f"preflight/{version.public_id}")  # noqa: S311 - a draw, no secret
    return sorted(drawn.sample(range(count), min(PROBE_ITEMS, count)))


def probe_request(run: BoundRequest) -> BoundRequest:
    """Return the request for the bound of a run's probe."""
    return replace(run, positions=probe_positions(run.version))


def preflight(
    version: TaskVersion,
    deployments: Sequence[Deployment],
    configuration: Mapping[str, Any],
    *,
    namespace: Namespace,
    points: float = DEFAULT_POINTS,
    inputs: BoundInputs | None = None,
    by: User,
) -> list[ModelPreflight]:
    """Return the pre-flight of each model. `points` is the wanted difference, in hundredths of the
    scale of a bounded metric; `inputs` those of the runs and their probes, where they are read.
    """
    if kind_of(version).runs_program:
        raise Conflict(
            "A program decides by itself what it asks, so nothing is known of it before it runs. "
            "Set a spend limit."
        )
    # Not saved: showing numbers creates no row.
    contenders = [
        Contender(deployment=one, configuration=dict(configuration)) for one in deployments
    ]
    runs = [BoundRequest(version, one, namespace, version.item_count) for one in contenders]
    probes = [probe_request(one) for one in runs]
    inputs = inputs or read_bound_inputs([*runs, *probes])
    known = read_known_runs(version, deployments, configuration, namespace=namespace, by=by)
    return [
        _of_model(run, probe, inputs, known, points, by)
        for run, probe in zip(runs, probes, strict=True)
    ]


def _of_model(
    run: BoundRequest,
    probe: BoundRequest,
    inputs: BoundInputs,
    known: KnownRuns,
    points: float,
    by: User,
) -> ModelPreflight:
    version, contender, deployment = run.version, run.contender, run.deployment
    nothing = Discernment(None, None, None, is_measured=False)
    try:
        check_start(version, contender, Run.Purpose.EXPLORATORY, run.payer, by)
        bound = bound_request(run, inputs)
        probe_bound = bound_request(probe, inputs)
    except (Conflict, InvalidInput, NotAllowed) as error:
        return ModelPreflight(contender, error.message, *(None,) * 9, discernment=nothing)
    observed = known.observe(deployment, inputs.cards.get(deployment.pk))
    samples = version.item_count * version.repeats
    seen = observed.samples if observed else ()
    most = float(bound.total) if bound.is_metered and bound.is_priced else float("inf")
    window = min(settings.WORKER_WINDOW, deployment.max_concurrency, samples) or 1
    return ModelPreflight(
        contender=contender,
        refusal="",
        bound=bound,
        probe_bound=probe_bound,
        probe=known.probes.get(deployment.pk),
        observed=observed,
        calls=predict_total([one.calls for one in seen], samples),
        input_tokens=predict_total([one.input_tokens for one in seen], samples),
        output_tokens=predict_total([one.output_tokens for one in seen], samples),
        cost=predict_total([one.charged for one in seen], samples, most=most)
        if bound.is_metered
        else None,
        seconds=_seconds(observed, samples, window),
        discernment=_discernment(version, observed, points),
    )


def _seconds(observed: Observations | None, samples: int, window: int) -> LikelyTotal | None:
    """Return the time from the first call to the last answer, if `window` calls are in flight at
    once: the sum of all latencies divided by it, and never less than one sample takes.
    """
    if observed is None or observed.source == "other-model":
        return None
    found = predict_total([one.milliseconds for one in observed.samples], samples)
    if found is None:
        return None
    longest = max(one.milliseconds for one in observed.samples) / 1000

    def spread(total: float | None) -> float | None:
        return None if total is None else max(longest, total / 1000 / window)

    mean = spread(found.mean)
    assert mean is not None
    return LikelyTotal(mean, spread(found.low), spread(found.high))


def _discernment(version: TaskVersion, observed: Observations | None, points: float) -> Discernment:
    metric = metric_of(version)
    scores = [one.value for one in observed.samples if one.value is not None] if observed else []
    found = score_variance(scores, metric)
    largest = largest_variance(metric)
    items = version.item_count
    detectable = None if found is None else difference_found(found, items, metric)
    at_worst = None if largest is None else difference_found(largest, items, metric)
    needed = None
    wanted = points / 100 * metric.width
    if metric.is_bounded and found is not None and detectable is not None and detectable > wanted:
        needed = items_needed(found, wanted)
    return Discernment(detectable, at_worst, needed, is_measured=found is not None)
