"""Labels of other versions of a task that apply to a version's judges as well.

A label is about what the labeller saw. So it counts for another version if exactly that was judged
there too: the same question, answer, right answer, rubric and scale. That is the same sample,
scored again by a version with equal questions, or an identical answer of the same contender. One
label counts once there.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from plumbmark.scoring.scorers import ModelJudge
from tasks_app.judges.label_content import content_of, scored_items
from tasks_app.judges.panels import counted_scorings, judging_scorers
from tasks_app.models import JudgeLabel, LabelSet, Sample, TaskVersion

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ReusedLabel:
    sample_id: int
    """Of the answer that was judged by the version that the label is carried to."""
    value: float
    person_id: int


def sister_versions(version: TaskVersion) -> list[TaskVersion]:
    """Return other versions of the task whose labels or judges may concern this one, in their
    order.
    """
    own = {_asks_people(scorer) for scorer in judging_scorers(version).values()}
    if not own:
        return []
    others = (
        TaskVersion.objects.filter(task=version.task_id, scorings__isnull=False)
        .exclude(pk=version.pk)
        .order_by("pk")
    )
    return [
        other
        for other in {other.pk: other for other in others}.values()
        if own & {_asks_people(scorer) for scorer in judging_scorers(other).values()}
    ]


def _asks_people(scorer: ModelJudge) -> tuple[object, ...]:
    """Return what a scorer asks of those who label, whoever judges."""
    return scorer.mode, scorer.scale, scorer.rubric


def reused_labels(version: TaskVersion) -> dict[str, list[ReusedLabel]]:
    """Return reused labels by scorer of this version. Reads the others' labels and matching
    answers.
    """
    scorers = judging_scorers(version)
    sets = LabelSet.objects.filter(
        task_version__in=sister_versions(version), label_samples__labels__is_skipped=False
    ).select_related("task_version")
    labels: dict[tuple[object, ...], list[tuple[JudgeLabel, str]]] = defaultdict(list)
    for label_set in {one.pk: one for one in sets}.values():
        old = judging_scorers(label_set.task_version)[label_set.scorer]
        labels[_asks_people(old)] += _labels_of(label_set, old)
    carried = {}
    for name, scorer in scorers.items():
        found = labels.get(_asks_people(scorer))
        if found:
            # The newest first: of two labels of one person for one answer it counts.
            found.sort(key=lambda one: one[0].changed_at, reverse=True)
            carried[name] = _matching_labels(version, scorer, found)
    return carried


def _labels_of(label_set: LabelSet, scorer: ModelJudge) -> list[tuple[JudgeLabel, str]]:
    """Return a set's labels, each with the fingerprint of what was labelled."""
    labels = list(
        JudgeLabel.objects.filter(
            label_sample__label_set=label_set, is_skipped=False
        ).select_related("label_sample__sample__run__task_version", "label_sample__sample__item")
    )
    samples = {label.label_sample.sample_id: label.label_sample.sample for label in labels}
    fingerprints = _fingerprints(label_set.task_version, scorer, samples)
    return [
        (label, fingerprints[label.label_sample.sample_id])
        for label in labels
        if label.label_sample.sample_id in fingerprints
    ]


def _fingerprints(
    version: TaskVersion, scorer: ModelJudge, samples: Mapping[int, Sample]
) -> dict[int, str]:
    items = scored_items(version, samples.values())
    contents = {
        pk: content_of(sample, items[pk], version, scorer)
        for pk, sample in samples.items()
        if pk in items
    }
    return {
        pk: content.fingerprint(scorer) for pk, content in contents.items() if content is not None
    }


def _matching_labels(
    version: TaskVersion, scorer: ModelJudge, labels: list[tuple[JudgeLabel, str]]
) -> list[ReusedLabel]:
    answers = [label.label_sample.sample for label, _ in labels]
    judged = _find_same_answers(version, answers)
    fingerprints = _fingerprints(version, scorer, judged)
    by_content: dict[tuple[int, str], list[int]] = defaultdict(list)
    for pk in sorted(fingerprints):
        by_content[judged[pk].run.contender_id, fingerprints[pk]].append(pk)
    matched: set[tuple[int, int]] = set()
    carried = []
    # The very sample first, so that a label for another one does not take its place.
    for is_same in (True, False):
        for label, fingerprint in labels:
            sample = label.label_sample.sample
            fits = by_content[sample.run.contender_id, fingerprint]
            if is_same != (sample.pk in fits):
                continue
            wanted = [sample.pk] if is_same else fits
            free = [pk for pk in wanted if (pk, label.by_id) not in matched]
            if not free:
                continue
            assert label.value is not None
            matched.add((free[0], label.by_id))
            carried.append(ReusedLabel(free[0], label.value, label.by_id))
    return carried


def _find_same_answers(version: TaskVersion, answers: Collection[Sample]) -> dict[int, Sample]:
    """Return judged answers to the same questions with the same words."""
    scorings = list(counted_scorings(version).values())
    keys = sorted({sample.item.key for sample in answers})
    outputs = {(sample.run.contender_id, sample.item.key, sample.output) for sample in answers}
    found = {}
    for start in range(0, len(keys), _AT_ONCE):
        rows = Sample.objects.filter(
            scores__scoring__in=scorings,
            item__key__in=keys[start : start + _AT_ONCE],
            run__contender__in={contender for contender, *_ in outputs},
        ).select_related("run__task_version", "item")
        for sample in rows:
            if (sample.run.contender_id, sample.item.key, sample.output) in outputs:
                found[sample.pk] = sample
    return found
