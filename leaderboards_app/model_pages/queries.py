"""Named reads of models: those of the catalogue, their public results and runs."""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Exists, F, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import Http404

from benchmarks_app.queries import visible_benchmarks
from leaderboards_app.models import ContenderResult
from plumbmark.accounts.permissions import Visitor
from plumbmark.gateway.models import CatalogueModel, Deployment, PriceCard
from plumbmark.gateway.queries import visible_models
from plumbmark.scoring.outcomes import Outcome
from tasks_app.models import Contender, Run, Sample
from tasks_app.runs.queries import visible_runs

MAX_RUNS = 500
"""The newest public runs of a model, from which distributions are drawn."""
MAX_COUNTED_RUNS = 50
"""The newest of these, whose samples are counted by outcome."""
_NOBODY = AnonymousUser()


def public_results() -> QuerySet[ContenderResult]:
    """Return the rows with a score on the boards that the pages of public benchmarks show."""
    benchmarks = visible_benchmarks(to=_NOBODY).order_by()
    return ContenderResult.objects.filter(
        Exists(benchmarks.filter(pk=OuterRef("version__benchmark_id"))),
        version_id=F("version__benchmark__board_version_id"),
        value__isnull=False,
    )


def listed_models(*, to: Visitor) -> QuerySet[CatalogueModel]:
    """Return the catalogue's models that the visitor sees, and all with a public result."""
    seen = visible_models(to=getattr(to, "namespace", None)).order_by()
    results = public_results().filter(contender__model=OuterRef("pk"))
    return CatalogueModel.objects.filter(
        Exists(seen.filter(pk=OuterRef("pk"))) | Exists(results)
    ).order_by("maker", "name", "pk")


def model_at(*, slug: str, to: Visitor) -> CatalogueModel:
    """Return the model at an address; 404 if the visitor may not see it."""
    offered = Deployment.objects.filter(model=OuterRef("pk"), is_active=True, owner=None)
    model = listed_models(to=to).filter(slug=slug).annotate(is_offered=Exists(offered)).first()
    if model is None:
        raise Http404
    return model


def filter_models(
    models: QuerySet[CatalogueModel], *, maker: str = "", weights: str = "", modality: str = ""
) -> QuerySet[CatalogueModel]:
    """Return the models of a maker, with `open` or `closed` weights, that take in a modality."""
    if maker:
        models = models.filter(maker=maker)
    if weights:
        models = models.filter(open_weights=weights == "open")
    if modality:
        # As text: SQLite has no lookup inside JSON lists.
        models = models.annotate(modalities_text=Cast("modalities", TextField())).filter(
            modalities_text__contains=json.dumps(modality)
        )
    return models


def count_boards(models: Iterable[CatalogueModel]) -> Mapping[int, int]:
    """Return on how many public boards each model is. One query."""
    counts = (
        public_results()
        .filter(contender__model__in=[model.pk for model in models])
        .order_by()
        .values_list("contender__model_id")
        .annotate(boards=Count("version_id", distinct=True))
    )
    return dict(counts)


def results_of(model: CatalogueModel) -> QuerySet[ContenderResult]:
    """Return the model's public results, by benchmark, best first."""
    return (
        public_results()
        .filter(contender__model=model)
        .select_related("version__benchmark__namespace", "contender")
        .order_by("version__benchmark__title", "version_id", "best_rank", "-value", "pk")
    )


def price_cards_of(model: CatalogueModel) -> QuerySet[PriceCard]:
    """Return the prices of the platform's deployments of a model, newest first."""
    return (
        PriceCard.objects.filter(deployment__model=model, deployment__owner=None)
        .select_related("deployment")
        .order_by("-valid_from", "-pk")
    )


def public_runs_of(model: CatalogueModel) -> list[Run]:
    """Return the newest public runs that the platform made with the model, newest first."""
    ended = [Run.State.COMPLETED, Run.State.FAILED, Run.State.CANCELLED]
    runs = (
        visible_runs(to=_NOBODY)
        .filter(contender__model=model, state__in=ended, grant__isnull=False)
        .select_related(None)
        .select_related("contender")
        .only(
            *("contender", "state", "upstream_models", "finished_at", "provider_cost"),
            *("median_latency_ms", "samples_done", "deployment_facts", "invalid_reason"),
        )
        .order_by("-pk")
    )
    return list(runs[:MAX_RUNS])


@dataclass(frozen=True, slots=True)
class Distribution:
    """Five numbers of some values: the least, the quartiles and the most."""

    count: int
    least: float
    lower: float
    median: float
    upper: float
    most: float


def distribution_of(values: Sequence[float]) -> Distribution | None:
    """Return the five numbers; None without values."""
    if not values:
        return None
    if len(values) == 1:
        lower = median = upper = values[0]
    else:
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Distribution(len(values), min(values), lower, median, upper, max(values))


@dataclass(frozen=True, slots=True)
class ContenderSummary:
    """A configuration of a model, with what its public runs cost."""

    contender: Contender
    runs: int
    failed: int
    cost: Distribution | None
    """Nanodollars per sample."""
    latency: Distribution | None
    """Milliseconds: the medians of the runs."""


def summarise_contenders(runs: Iterable[Run]) -> list[ContenderSummary]:
    """Return the contenders of these runs, by their labels."""
    by_contender: dict[Contender, list[Run]] = defaultdict(list)
    for run in runs:
        by_contender[run.contender].append(run)
    return [
        ContenderSummary(
            contender,
            len(own),
            sum(run.state == Run.State.FAILED for run in own),
            distribution_of([run.provider_cost / run.samples_done for run in _completed(own)]),
            distribution_of(
                [
                    run.median_latency_ms
                    for run in _completed(own)
                    if run.median_latency_ms is not None
                ]
            ),
        )
        for contender, own in sorted(by_contender.items(), key=lambda pair: pair[0].label)
    ]


def _completed(runs: Iterable[Run]) -> list[Run]:
    return [run for run in runs if run.state == Run.State.COMPLETED and run.samples_done]


def count_outcomes(runs: Sequence[Run]) -> Counter[Outcome]:
    """Count the samples of the newest runs by how they ended. One query."""
    newest = [run.pk for run in runs[:MAX_COUNTED_RUNS]]
    rows = Sample.objects.filter(run__in=newest).order_by().values_list("outcome")
    return Counter({Outcome(outcome): n for outcome, n in rows.annotate(n=Count("pk"))})


@dataclass(frozen=True, slots=True)
class ReturnedId:
    """A change of the model ids that a provider returned."""

    run: int
    at: datetime | None
    before: tuple[str, ...]
    after: tuple[str, ...]
    is_midway: bool
    """Whether several came in one run."""


def returned_ids(runs: Iterable[Run]) -> list[ReturnedId]:
    """Return where the returned ids of a provider differ from those of its run before, newest
    first.
    """
    changes: list[ReturnedId] = []
    last: dict[tuple[str, str], tuple[str, ...]] = {}
    for run in sorted(runs, key=lambda one: one.pk):
        after = tuple(map(str, run.upstream_models))
        if not after:
            continue
        facts = run.deployment_facts
        asked = (str(facts.get("base_url", "")), str(facts.get("upstream_id", "")))
        before = last.get(asked, ())
        if len(after) > 1 or (before and before[-1:] != after[-1:]):
            changes.append(ReturnedId(run.pk, run.finished_at, before, after, len(after) > 1))
        last[asked] = after
    return changes[::-1]


def maker_and_modality_choices(*, to: Visitor) -> tuple[list[str], list[str]]:
    """Return the makers and the modalities of the models that the visitor sees. One query."""
    rows = list(listed_models(to=to).order_by().values_list("maker", "modalities"))
    makers = sorted({maker for maker, _found in rows if maker}, key=str.casefold)
    return makers, sorted({str(one) for _maker, found in rows for one in found})
