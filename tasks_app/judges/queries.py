"""Reads of label sets: one answer at a time, blind, and the results."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import Http404

from plumbmark.accounts.models import User
from plumbmark.accounts.permissions import Visitor
from plumbmark.scoring.scorers import ModelJudge
from tasks_app.judges.label_content import (
    LabelledContent,
    content_of,
    scored_items,
)
from tasks_app.judges.panels import category, combined_verdicts, judging_scorers
from tasks_app.kinds import kind_of
from tasks_app.models import (
    Item,
    JudgeLabel,
    JudgePanel,
    LabelSample,
    LabelSet,
    TaskVersion,
)
from tasks_app.permissions import can_label_answers, can_view_version

LABELS_TO_BE_PUBLIC = 30
"""With fewer, agreement is shown only to the authors: its interval says next to nothing."""


def label_set_at(*, public_id: str, to: Visitor) -> LabelSet:
    """Return a label set; 404 for everyone who may not label."""
    found = (
        LabelSet.objects.select_related("task_version__task__namespace", "created_by__namespace")
        .filter(public_id=public_id)
        .first()
    )
    if found is None or not can_label_answers(to, found.task_version.task):
        raise Http404
    return found


def label_sets_of(version: TaskVersion, *, by: Visitor) -> QuerySet[LabelSet]:
    """Return the sets of a version, newest first, with `done`: answers that the person labelled."""
    mine = Q(label_samples__labels__by=getattr(by, "pk", None))
    return (
        LabelSet.objects.filter(task_version=version)
        .select_related("created_by__namespace", "task_version")
        .annotate(
            done=Count(
                "label_samples__labels",
                filter=mine & Q(label_samples__labels__is_skipped=False),
            ),
            skipped=Count(
                "label_samples__labels",
                filter=mine & Q(label_samples__labels__is_skipped=True),
            ),
        )
        .order_by("-id")
    )


@dataclass(frozen=True, slots=True)
class BlindAnswer:
    """An answer as its labeller sees it: without its model and its scores."""

    position: int
    size: int
    item_key: str
    mode: str
    scale: tuple[float, ...] | None
    criteria: str
    """The rubric, filled for this answer."""
    messages: Sequence[Mapping[str, Any]]
    """What was asked."""
    answers: Sequence[str]
    """The answer; in a comparison two, in random order."""
    answer_is_first: bool
    """In a comparison: which of the two is the model's. Never shown."""
    targets: Sequence[str]
    is_withheld: bool
    label: float | None
    is_skipped: bool

    @property
    def words(self) -> tuple[str, ...]:
        """The verdicts that there are; none where it is a grade."""
        if self.scale is not None:
            return ()
        return ("first", "second", "tie") if self.mode == "pairwise" else ("correct", "incorrect")

    def value_of(self, word: str) -> float | None:
        """Return the label that a word means: only here is it known which answer is which."""
        if word not in self.words:
            return None
        if self.mode != "pairwise":
            return {"correct": 1.0, "incorrect": 0.0}[word]
        first = 1.0 if self.answer_is_first else 0.0
        return {"first": first, "second": 1 - first, "tie": 0.5}[word]

    @property
    def word(self) -> str | None:
        """The present label as a word."""
        return next(
            (
                word
                for word in self.words
                if self.label is not None and self.value_of(word) == self.label
            ),
            None,
        )


def place_at(label_set: LabelSet, position: int) -> LabelSample:
    place = (
        LabelSample.objects.select_related(
            "sample__item__version",
            "sample__run__task_version",
            "label_set__task_version__task__namespace",
        )
        .filter(label_set=label_set, position=position)
        .first()
    )
    if place is None:
        raise Http404
    return place


def blind_answer(place: LabelSample, *, by: User) -> BlindAnswer:
    label = JudgeLabel.objects.filter(label_sample=place, by=by).first()
    return blind_answers([place], {place.pk: label} if label else {})[0]


def blind_answers(
    places: Iterable[LabelSample], labels: Mapping[int, JudgeLabel]
) -> list[BlindAnswer]:
    """Return several at once; `labels` are the person's own by the place's key."""
    places = list(places)
    scorers: dict[int, dict[str, ModelJudge]] = {}
    items: dict[tuple[int, int], Item] = {}
    for version in {place.label_set.task_version for place in places}:
        samples = [one.sample for one in places if one.label_set.task_version_id == version.pk]
        for sample_id, item in scored_items(version, samples).items():
            items[version.pk, sample_id] = item
    found = []
    for place in places:
        version = place.label_set.task_version
        if version.pk not in scorers:
            scorers[version.pk] = judging_scorers(version)
        scorer = scorers[version.pk][place.label_set.scorer]
        item = items.get((version.pk, place.sample_id), place.sample.item)
        content = content_of(place.sample, item, version, scorer)
        found.append(_blind(place, scorer, content, labels.get(place.pk)))
    return found


def _blind(
    place: LabelSample,
    scorer: ModelJudge,
    content: LabelledContent | None,
    label: JudgeLabel | None,
) -> BlindAnswer:
    is_pair = scorer.mode == "pairwise"
    is_first = not is_pair or answer_stands_first(place)
    answers: list[str] = []
    if content is not None:
        answers = [content.output, *(["\n".join(content.targets)] if is_pair else [])]
        if not is_first:
            answers.reverse()
    return BlindAnswer(
        position=place.position,
        size=place.label_set.size,
        item_key=place.sample.item.key,
        mode=scorer.mode,
        scale=scorer.scale,
        criteria=content.criteria if content else "",
        messages=content.messages if content else [],
        answers=answers,
        answer_is_first=is_first,
        targets=[] if is_pair or content is None else content.targets,
        is_withheld=content is None,
        label=label.value if label else None,
        is_skipped=label is not None and label.is_skipped,
    )


def answer_stands_first(place: LabelSample) -> bool:
    """Return whether the answer comes first in a comparison: a coin tossed once for each answer."""
    seed_text = f"{place.label_set.public_id}/{place.label_set.seed}/{place.position}"
    return hashlib.sha256(seed_text.encode()).digest()[0] % 2 == 0


# --- What the labels came to --------------------------------------------------------------------


def panel_of(version: TaskVersion) -> JudgePanel | None:
    return JudgePanel.objects.filter(task_version=version).first()


@dataclass(frozen=True, slots=True)
class VisiblePanel:
    """A panel as a visitor may see it, by scorer."""

    judged: Mapping[str, Any]
    labelled: Mapping[str, Any]
    too_few: Mapping[str, int]
    """Labels of scorers that have some, but too few to be shown to this visitor."""


def visible_panel(version: TaskVersion, *, to: Visitor) -> VisiblePanel:
    """Return what a visitor who sees the version may know of its judges; 404 where they may not."""
    if not can_view_version(to, version):
        raise Http404
    panel = panel_of(version)
    if panel is None:
        return VisiblePanel({}, {}, {})
    sees_all = can_label_answers(to, version.task)
    labelled, too_few = {}, {}
    for name, document in panel.labelled.items():
        if sees_all or document["labels"] >= LABELS_TO_BE_PUBLIC:
            labelled[name] = document
        else:
            too_few[name] = document["labels"]
    return VisiblePanel(panel.judged, labelled, too_few)


def trust_in_judges(version: TaskVersion) -> dict[str, Any] | None:
    """Return the line about judges for pages and boards; None if no model judges the main score.

    `judges`, `labels`, and with enough labels `kappa`, `low`, `high`, `share_equal` of the combined
    verdict.
    """
    scorers = judging_scorers(version)
    main = next((one for one in scorers.values() if one.name == _main(version)), None)
    if main is None:
        return None
    summary: dict[str, Any] = {"judges": list(main.judges), "labels": 0}
    panel = panel_of(version)
    document = panel.labelled.get(main.name) if panel else None
    if document is None or document["labels"] < LABELS_TO_BE_PUBLIC:
        return summary
    combined = document["combined"]
    return summary | {
        "labels": combined["n"],
        **{name: combined[name] for name in ("kappa", "low", "high", "share_equal")},
    }


def _main(version: TaskVersion) -> str:
    return str(kind_of(version).definition.main)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A labelled answer whose combined verdict differs from the label."""

    run_id: int
    ordinal: int
    item_key: str
    label: float
    verdict: float


def disagreements(label_set: LabelSet, *, by: User, most: int = 50) -> list[Disagreement]:
    """Return where a person and the judges differ, the widest apart first. Two queries."""
    scorer = judging_scorers(label_set.task_version)[label_set.scorer]
    labels = JudgeLabel.objects.filter(
        label_sample__label_set=label_set, by=by, is_skipped=False
    ).select_related("label_sample__sample__item")
    verdicts = combined_verdicts(label_set)
    found = []
    for label in labels:
        sample = label.label_sample.sample
        verdict = verdicts.get(sample.pk)
        assert label.value is not None
        if verdict is None:
            continue
        displayed = verdict if scorer.scale is not None else category(verdict)
        if displayed != label.value:
            found.append(
                Disagreement(sample.run_id, sample.ordinal, sample.item.key, label.value, verdict)
            )
    return sorted(found, key=lambda one: -abs(one.label - one.verdict))[:most]
