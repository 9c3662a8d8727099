"""The answers of other models to the same item, and the items on which they differ."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.queries import namespaces_inside_of
from plumbmark.scoring.vectors import BadVectorError, Booleans, ItemList, ScoreVector
from tasks_app.models import Item, PackedScores, Run, Sample, SampleScore, Scoring
from tasks_app.runs.queries import runs_beside

MAX_OTHERS = 50
_READ = 200
"""Newest samples from which the newest of each contender is taken."""
_MAX_TRIED = 500
"""Items among which the next visible one is looked for."""


@dataclass(frozen=True, slots=True)
class OtherAnswer:
    """One other contender's sample of an item, with its score by the run's own version."""

    run: Run
    sample: Sample
    value: float | None
    scoring: int | None
    """The id of the scoring."""

    def as_document(self) -> dict[str, object]:
        """Return it for the API."""
        return {
            "run": self.run.pk,
            "ordinal": self.sample.ordinal,
            "contender": self.run.contender.public_id,
            "contender_label": self.run.contender.label,
            "outcome": self.sample.outcome,
            "value": self.value,
        }


def other_answers(run: Run, item: Item, *, to: Visitor) -> list[OtherAnswer]:
    """Return how the newest valid runs of other contenders did on an item, by name; as far as the
    visitor may see the runs and the item of each. One query.
    """
    own_scores = SampleScore.objects.filter(
        sample=OuterRef("pk"),
        scoring__state=Scoring.State.COMPLETED,
        scoring__task_version_id=OuterRef("run__task_version_id"),
    ).order_by("-scoring__revision", "-scoring_id")
    visible = Q(item__split=Item.Split.PUBLIC) | Q(
        run__task_version__task__namespace__in=namespaces_inside_of(to)
    )
    samples = (
        Sample.objects.filter(
            visible,
            run__in=runs_beside(run, to=to).order_by().values("pk"),
            ordinal=F("run__repeats") * item.position,
        )
        .select_related("run__contender", "run__task_version")
        .defer("output", "messages")
        .annotate(
            value=Subquery(own_scores.values("value")[:1]),
            scoring=Subquery(own_scores.values("scoring_id")[:1]),
        )
        .order_by("-run_id")
    )
    found: dict[int, OtherAnswer] = {}
    for sample in samples[:_READ]:
        if len(found) == MAX_OTHERS:
            break
        one = OtherAnswer(sample.run, sample, sample.value, sample.scoring)
        found.setdefault(one.run.contender_id, one)
    return sorted(found.values(), key=lambda one: one.run.contender.label.casefold())


def next_difference(
    run: Run,
    scoring: Scoring | None,
    others: Sequence[OtherAnswer],
    samples: QuerySet[Sample],
    *,
    after: int,
) -> int | None:
    """Return the first of the given samples after an ordinal on which one of the others has another
    score than the run. One query, and one more where the version has private items; none without
    others.

    `samples` are those that the visitor may see, in order.
    """
    ids = {one.scoring for one in others if one.scoring is not None}
    if scoring is None or not ids:
        return None
    vectors = _read_vectors({scoring.pk, *ids}, run.item_count)
    own = vectors.pop(scoring.pk, None)
    if own is None:
        return None
    differs = np.zeros(run.item_count, bool)
    for vector in vectors.values():
        differs |= _differing(own, vector)
    positions = np.flatnonzero(differs)
    ordinals = (positions[positions * run.repeats > after] * run.repeats)[:_MAX_TRIED].tolist()
    if not ordinals or not run.task_version.private_item_count:
        # Everybody sees all samples, and what has a score is one.
        return ordinals[0] if ordinals else None
    found: int | None = (
        samples.filter(ordinal__in=ordinals).values_list("ordinal", flat=True).first()
    )
    return found


def _differing(one: ScoreVector, other: ScoreVector) -> Booleans:
    common = (one.counts > 0) & (other.counts > 0)
    # NaN where one of them has no score, and these do not count.
    found: Booleans = common & (one.means != other.means)
    return found


def _read_vectors(scorings: Collection[int], items: int) -> dict[int, ScoreVector]:
    """Return the packed scores of scorings on so many items; those that are not packed, or are
    damaged, are left out.
    """
    places = ItemList([str(place) for place in range(items)], [None] * items)
    found: dict[int, ScoreVector] = {}
    rows = PackedScores.objects.filter(scoring__in=scorings).values_list("scoring_id", "data")
    for scoring, data in rows:
        try:
            found[scoring] = ScoreVector.from_bytes(bytes(data), places)
        except BadVectorError:
            continue
    return found
