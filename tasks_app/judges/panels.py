"""Statistics of a version's judges, from their verdicts and people's labels.

A panel has two parts, each a document by scorer. `labelled` compares every judge and the combined
verdict with people's labels; it is small and recomputed with every label. `judged` needs no labels:
agreement between judges, swapped orders, families; it is computed when a scoring ends. Both use the
newest scoring of each run that counts: declared ones, and the authors' own exploratory ones.
docs/authors/judges.md explains the numbers.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Protocol

from django.db.models import Q, QuerySet

from plumbmark.gateway.models import Deployment
from plumbmark.scoring.agreement import Agreement, Rating, agreement
from plumbmark.scoring.judge_trust import (
    Deviation,
    FamilyPreference,
    SwapFlips,
    SwappedPair,
    family_preference,
    swap_flips,
)
from plumbmark.scoring.scorers import ModelJudge
from tasks_app.kinds import kind_of
from tasks_app.models import (
    JudgeLabel,
    LabelSet,
    Run,
    SampleScore,
    Scoring,
    TaskVersion,
)
from tasks_app.scorings.estimates import as_document

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """The verdicts of one scorer's judges on one answer."""

    sample_id: int
    cluster: str
    maker: str
    """Of the model that answered."""
    combined: float | None
    orders: Mapping[str, Sequence[float | None]]
    """By judge: its verdict, or the two of a comparison, the answer standing first and second."""

    def value(self, judge: str) -> float | None:
        """Return a judge's verdict; None if it gave none, or only one of two."""
        found = self.orders.get(judge, ())
        known = [value for value in found if value is not None]
        return sum(known) / len(known) if known and len(known) == len(found) else None


def judging_scorers(version: TaskVersion) -> dict[str, ModelJudge]:
    """Return a version's scorers that ask models, by name."""
    return kind_of(version).output_scorer.judging


def counted_scorings(version: TaskVersion) -> dict[int, int]:
    """Return the newest completed scoring by this version of each run that counts, by run."""
    rows = (
        Scoring.objects.filter(
            task_version=version, state=Scoring.State.COMPLETED, run__invalid_reason=""
        )
        .filter(
            Q(run__purpose=Run.Purpose.DECLARED)
            | Q(
                run__purpose=Run.Purpose.EXPLORATORY,
                run__namespace_id=version.task.namespace_id,
            )
        )
        .order_by("revision", "id")
    )
    return dict(rows.values_list("run_id", "id"))


def category(value: float) -> float:
    """Return a verdict as right, wrong or neither: of several orders or judges, the side they lean
    to.
    """
    return 0.5 if value == 0.5 else float(value > 0.5)


# --- Against labels -----------------------------------------------------------------------------


class PersonsLabel(Protocol):
    """One person's label of one judged answer."""

    @property
    def sample_id(self) -> int: ...
    @property
    def value(self) -> float: ...
    @property
    def person_id(self) -> int: ...


def labelled_document(
    version: TaskVersion, carried: Mapping[str, Sequence[PersonsLabel]]
) -> dict[str, Document]:
    """Return every judge compared with people's labels, by scorer. A handful of queries.

    `carried` are labels of other versions that apply to this one too, by its scorers.
    """
    scorers = judging_scorers(version)
    labels: dict[str, list[tuple[int, float, int]]] = defaultdict(list)
    rows = JudgeLabel.objects.filter(
        label_sample__label_set__task_version=version, is_skipped=False
    ).order_by("id")
    for name, sample_id, value, person in rows.values_list(
        "label_sample__label_set__scorer", "label_sample__sample_id", "value", "by_id"
    ):
        assert value is not None
        labels[name].append((sample_id, value, person))
    from_others: dict[str, int] = {}
    for name, others in carried.items():
        own = {(sample_id, person) for sample_id, _, person in labels[name]}
        more = [one for one in others if (one.sample_id, one.person_id) not in own]
        from_others[name] = len(more)
        labels[name] += [(one.sample_id, one.value, one.person_id) for one in more]
    wanted = {sample_id for found in labels.values() for sample_id, *_ in found}
    if not wanted:
        return {}
    makers = _makers_of_judges(scorers.values())
    documents = {}
    scores = _scores(version).filter(sample__in=wanted)
    said_of = {
        name: {answer.sample_id: answer for answer in _judged_answers(scores, version, name)}
        for name in scorers
    }
    for name, scorer in scorers.items():
        found = [
            (said_of[name][sample_id], value)
            for sample_id, value, _ in labels[name]
            if sample_id in said_of[name]
        ]
        if not found:
            continue
        documents[name] = {
            **_facts(scorer),
            "labels": len(labels[name]),
            "carried": from_others.get(name, 0),
            "people": len({person for *_, person in labels[name]}),
            "answers": len({answer.sample_id for answer, _ in found}),
            "combined": _against(scorer, found, lambda answer: answer.combined),
            "judges": {judge: _against(scorer, found, _by(judge)) for judge in scorer.judges},
            "families": {
                judge: _family(
                    makers.get(judge, ""),
                    ((answer, answer.value(judge), label) for answer, label in found),
                )
                for judge in scorer.judges
            },
        }
    return documents


def _by(judge: str) -> Callable[[JudgedAnswer], float | None]:
    return lambda verdicts: verdicts.value(judge)


def _against(
    scorer: ModelJudge,
    found: Sequence[tuple[JudgedAnswer, float]],
    verdict: Callable[[JudgedAnswer], float | None],
) -> Document:
    return _agreement_document(
        scorer,
        (
            Rating(label, value, answer.cluster)
            for answer, label in found
            if (value := verdict(answer)) is not None
        ),
    )


def _agreement_document(scorer: ModelJudge, ratings: Iterable[Rating]) -> Document:
    if scorer.scale is None:
        ratings = [
            Rating(category(one.first), category(one.second), one.cluster) for one in ratings
        ]
        return _as_document(agreement(ratings))
    lower, upper = scorer.scale
    return _as_document(agreement(list(ratings), weights="quadratic", span=upper - lower))


def _as_document(found: Agreement) -> Document:
    document = asdict(found)
    document["table"] = [list(row) for row in (cell.values() for cell in document["table"])]
    document["share_equal"] = found.share_equal
    return document


# --- Over everything that was judged ------------------------------------------------------------


def judged_document(version: TaskVersion) -> dict[str, Document]:
    """Return what the judges' verdicts reveal by themselves, by scorer. Reads all that count."""
    scorers = judging_scorers(version)
    makers = _makers_of_judges(scorers.values())
    documents = {}
    for name, scorer in scorers.items():
        everything = list(_judged_answers(_scores(version), version, name))
        if not everything:
            continue
        documents[name] = {
            **_facts(scorer),
            "answers": len(everything),
            "makers": {judge: makers.get(judge, "") for judge in scorer.judges},
            "no_verdict": {
                judge: sum(answer.value(judge) is None for answer in everything)
                for judge in scorer.judges
            },
            "between": [
                {"first": one, "second": other}
                | _agreement_document(scorer, _both(everything, one, other))
                for one, other in combinations(scorer.judges, 2)
            ],
            "flips": {judge: _flips(everything, judge) for judge in scorer.judges}
            if scorer.mode == "pairwise"
            else {},
            "families": {
                judge: _family(makers.get(judge, ""), _compare_with_others(everything, judge))
                for judge in scorer.judges
            },
        }
    return documents


def _both(everything: Sequence[JudgedAnswer], one: str, other: str) -> Iterator[Rating]:
    for answer in everything:
        first, second = answer.value(one), answer.value(other)
        if first is not None and second is not None:
            yield Rating(first, second, answer.cluster)


def _flips(everything: Sequence[JudgedAnswer], judge: str) -> Document:
    pairs = []
    for answer in everything:
        orders = answer.orders.get(judge, ())
        if len(orders) == 2 and orders[0] is not None and orders[1] is not None:
            pairs.append(SwappedPair(str(answer.sample_id), answer.cluster, orders[0], orders[1]))
    return _flips_document(swap_flips(pairs))


def _flips_document(found: SwapFlips) -> Document:
    return {
        "pairs": found.share.n_items,
        "flipped": found.flipped,
        "for_the_first": found.for_the_first,
        "wavered": found.wavered,
        **{name: as_document(found.share)[name] for name in ("value", "low", "high", "method")},
    }


def _compare_with_others(
    everything: Sequence[JudgedAnswer], judge: str
) -> Iterator[tuple[JudgedAnswer, float | None, float]]:
    """Yield a judge's verdict beside the mean of the other judges'."""
    for answer in everything:
        others = [
            value
            for other in answer.orders
            if other != judge and (value := answer.value(other)) is not None
        ]
        if others:
            yield answer, answer.value(judge), math.fsum(others) / len(others)


def _family(maker: str, found: Iterable[tuple[JudgedAnswer, float | None, float]]) -> Document:
    deviations = [
        Deviation(value - reference, _same(answer.maker, maker), answer.cluster)
        for answer, value, reference in found
        if value is not None and answer.maker
    ]
    preference: FamilyPreference = family_preference(deviations if maker else [])
    return {"maker": maker, **asdict(preference)}


def _same(one: str, other: str) -> bool:
    return one.casefold().strip() == other.casefold().strip()


def combined_verdicts(label_set: LabelSet) -> dict[int, float]:
    """Return the judges' combined verdicts on a set's answers, by sample."""
    version = label_set.task_version
    scores = _scores(version).filter(sample__label_samples__label_set=label_set)
    return {
        answer.sample_id: answer.combined
        for answer in _judged_answers(scores, version, label_set.scorer)
        if answer.combined is not None
    }


# --- Reading ------------------------------------------------------------------------------------


def _facts(scorer: ModelJudge) -> Document:
    return {
        "mode": scorer.mode,
        "scale": None if scorer.scale is None else list(scorer.scale),
        "combine": scorer.combine,
    }


def _makers_of_judges(scorers: Iterable[ModelJudge]) -> dict[str, str]:
    slugs = {judge for scorer in scorers for judge in scorer.judges}
    return dict(Deployment.objects.filter(slug__in=slugs).values_list("slug", "model__maker"))


def _scores(version: TaskVersion) -> QuerySet[SampleScore]:
    return SampleScore.objects.filter(
        scoring__in=list(counted_scorings(version).values())
    ).order_by("sample_id")


def _judged_answers(
    scores: QuerySet[SampleScore], version: TaskVersion, scorer: str
) -> Iterator[JudgedAnswer]:
    """Yield the verdicts of a scorer's judges, answer by answer; those never asked are left out."""
    is_main = kind_of(version).definition.main == scorer
    rows = scores.values_list(
        "sample_id",
        "value",
        "details",
        "sample__item__key",
        "sample__item__cluster",
        "scoring__run__contender__maker",
    )
    for sample_id, value, details, key, cluster, maker in rows.iterator(chunk_size=1000):
        scorer_details = details if is_main else details.get("scorers", {}).get(scorer, {})
        judge_details = scorer_details.get("judges")
        if not judge_details:
            continue
        orders: dict[str, list[float | None]] = defaultdict(list)
        for one in sorted(judge_details, key=lambda one: bool(one.get("swapped"))):
            orders[one["judge"]].append(one["value"])
        yield JudgedAnswer(
            sample_id=sample_id,
            cluster=cluster or f"item {key}",
            maker=maker,
            combined=value if is_main else scorer_details.get("value"),
            orders=orders,
        )
