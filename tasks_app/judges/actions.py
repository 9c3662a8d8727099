"""Labelling judged answers blind, and storing what that shows about the judges."""

import secrets
from datetime import timedelta

from django.db import transaction

from plumbmark.accounts.models import User
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.common.outbox import record_event
from plumbmark.scoring.sampling import Choosable, stratified_choice
from plumbmark.scoring.scorers import ModelJudge
from tasks_app.judges.panels import (
    counted_scorings,
    judged_document,
    judging_scorers,
    labelled_document,
)
from tasks_app.judges.reused_labels import reused_labels, sister_versions
from tasks_app.models import (
    JudgeLabel,
    JudgePanel,
    LabelSample,
    LabelSet,
    SampleScore,
    Scoring,
    TaskVersion,
)
from tasks_app.permissions import can_label_answers

USUAL_SIZE = 50
MAX_ANSWERS = 500
_MAX_SEED = 2**31
_AT_LEAST_EVERY = timedelta(minutes=10)


def make_label_set(
    *,
    version: TaskVersion,
    scorer: str = "",
    size: int = USUAL_SIZE,
    seed: int | None = None,
    by: User,
) -> LabelSet:
    """Choose judged answers at random, evenly from the models that gave them.

    `scorer` may be left out where only one asks judges. The same seed over the same answers makes
    the same choice.
    """
    if not can_label_answers(by, version.task):
        raise NotAllowed("Only the task's authors can label its answers.")
    name = _judging_scorer(version, scorer)
    if not 1 <= size <= MAX_ANSWERS:
        raise InvalidInput([Problem(f"must be from 1 to {MAX_ANSWERS}", "size")])
    if seed is None:
        seed = secrets.randbelow(_MAX_SEED)
    if not 0 <= seed < _MAX_SEED:
        raise InvalidInput([Problem(f"must be from 0 to {_MAX_SEED - 1}", "seed")])
    chosen = stratified_choice(_judged_answers(version), size=size, seed=seed)
    if not chosen:
        raise Conflict("No answer to this version has been judged yet. Run a model first.")
    with transaction.atomic():
        label_set = LabelSet.objects.create(
            task_version=version, scorer=name, seed=seed, size=len(chosen), created_by=by
        )
        LabelSample.objects.bulk_create(
            LabelSample(label_set=label_set, position=position, sample_id=int(one.key))
            for position, one in enumerate(chosen)
        )
        audit.record(
            "make-label-set",
            f"task-version:{version.public_id}",
            by=by,
            label_set=label_set.public_id,
            scorer=name,
            seed=seed,
            size=len(chosen),
        )
    return label_set


def _judging_scorer(version: TaskVersion, scorer: str) -> str:
    names = list(judging_scorers(version))
    if not names:
        raise Conflict("No models judge the answers to this version.")
    if not scorer and len(names) == 1:
        return names[0]
    if scorer not in names:
        raise InvalidInput([Problem(f"must be one of {', '.join(names)}", "scorer")])
    return scorer


def _judged_answers(version: TaskVersion) -> dict[str, list[Choosable]]:
    """Return answers with a score, by contender; withheld answers cannot be shown."""
    strata: dict[str, list[Choosable]] = {}
    rows = (
        SampleScore.objects.filter(
            scoring__in=list(counted_scorings(version).values()),
            value__isnull=False,
            sample__is_scored=True,
            sample__withheld_at__isnull=True,
            sample__item__withheld_at__isnull=True,
        )
        .order_by("sample_id")
        .values_list("sample_id", "sample__item__key", "scoring__run__contender__public_id")
    )
    for sample_id, question, contender in rows.iterator(chunk_size=2000):
        strata.setdefault(contender, []).append(Choosable(str(sample_id), question))
    return strata


def label_answer(*, place: LabelSample, value: float | None, by: User) -> JudgeLabel:
    """Say what an answer is worth; None skips it. A later label takes the place of the earlier."""
    label_set = place.label_set
    version = label_set.task_version
    if not can_label_answers(by, version.task):
        raise NotAllowed("Only the task's authors can label its answers.")
    scorer = judging_scorers(version)[label_set.scorer]
    if value is not None:
        _check_value(scorer, value)
    with transaction.atomic():
        before = JudgeLabel.objects.filter(label_sample=place, by=by).first()
        label, _ = JudgeLabel.objects.update_or_create(
            label_sample=place, by=by, defaults={"value": value, "is_skipped": value is None}
        )
        audit.record(
            "label-answer",
            f"label-set:{label_set.public_id}",
            by=by,
            position=place.position,
            value=value,
            before="none" if before is None else before.value,
        )
        if unlabelled(label_set, by=by):
            refresh_labelled(version)
        else:
            # Other versions, and boards, show what the labels tell once a set is through.
            concerned = sorted([version, *sister_versions(version)], key=lambda one: one.pk)
            for one in concerned:
                refresh_labelled(one)
                record_event("judges.labelled", version_id=one.pk)
    return label


def _check_value(scorer: ModelJudge, value: float) -> None:
    if scorer.scale is not None:
        lower, upper = scorer.scale
        if not lower <= value <= upper:
            raise InvalidInput([Problem(f"must be from {lower:g} to {upper:g}", "value")])
    elif scorer.mode == "pairwise":
        if value not in (0.0, 0.5, 1.0):
            raise InvalidInput(
                [Problem("must be 1 (the answer is better), 0 (the target) or 0.5 (tie)", "value")]
            )
    elif value not in (0.0, 1.0):
        raise InvalidInput([Problem("must be 1 (correct) or 0 (incorrect)", "value")])


def unlabelled(label_set: LabelSet, *, by: User) -> list[int]:
    """Return positions that a person has neither labelled nor skipped, then those skipped."""
    labels = dict(
        JudgeLabel.objects.filter(label_sample__label_set=label_set, by=by).values_list(
            "label_sample__position", "is_skipped"
        )
    )
    positions = label_set.label_samples.order_by("position").values_list("position", flat=True)
    fresh = [position for position in positions if position not in labels]
    return fresh + sorted(position for position, is_skipped in labels.items() if is_skipped)


def refresh_labelled(version: TaskVersion) -> None:
    """Make the part of the panel that rests on labels anew.

    The row is locked before the labels are read, so that no older count takes a newer one's place.
    """
    with transaction.atomic():
        JudgePanel.objects.get_or_create(task_version=version)
        panel = JudgePanel.objects.select_for_update().get(task_version=version)
        panel.labelled = labelled_document(version, reused_labels(version))
        panel.save(update_fields=["labelled", "changed_at"])


def refresh_judged(version: TaskVersion) -> bool:
    """Make the whole panel anew when scorings end; True where it was made.

    It reads every verdict. While further scorings are at work the last of them makes it, or one
    that ends ten minutes after the one before.
    """
    if not judging_scorers(version):
        return False
    at_work = Scoring.objects.filter(
        task_version=version, state__in=[Scoring.State.QUEUED, Scoring.State.RUNNING]
    ).exists()
    panel = JudgePanel.objects.filter(task_version=version).first()
    made_at = panel.judged_at if panel else None
    if at_work and made_at is not None and now() - made_at < _AT_LEAST_EVERY:
        return False
    JudgePanel.objects.update_or_create(
        task_version=version,
        defaults={"judged": judged_document(version), "judged_at": now()},
    )
    refresh_labelled(version)
    return True
