"""Reads of trials: the items, and what each model said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch
from django.http import Http404

from plumbmark.accounts.models import User
from plumbmark.accounts.permissions import Visitor, can_see_inside
from plumbmark.web.long_text import CappedText, cap_text
from tasks_app.item_lab.computation import text_of_item
from tasks_app.kinds import kind_of
from tasks_app.models import Item, ItemTrial, Run, Sample, SampleScore, Scoring, TaskVersion
from tasks_app.permissions import can_view_private_items
from tasks_app.runs.queries import in_brief, scorings_by_run

_NO_TEXT = CappedText("", 0)
_OUTPUT = 4000
_QUESTION = 1000
_EXPLANATION = 1000
_LISTED = 10
_UNFINISHED = {Run.State.QUEUED, Run.State.RUNNING}


@dataclass(frozen=True, slots=True)
class ScorerVerdict:
    """A verdict of one scorer on one output. `value` is None where there is none."""

    scorer: str
    value: float | None
    answer: str
    explanation: str


@dataclass(frozen=True, slots=True)
class TrialAnswer:
    """One model's answer to one item; `sample` is None while there is none."""

    sample: Sample | None = None
    output: CappedText = _NO_TEXT
    verdicts: Sequence[ScorerVerdict] = ()
    """The main scorer's first."""

    @property
    def value(self) -> float | str | None:
        """The main score; empty while it is not known."""
        return self.verdicts[0].value if self.verdicts else ""


@dataclass(frozen=True, slots=True)
class TrialColumn:
    """One model of a trial."""

    run: Run
    scoring: Scoring | None

    @property
    def is_live(self) -> bool:
        unscored = self.scoring is None or self.scoring.state in _UNFINISHED
        return self.run.state in _UNFINISHED or (self.run.state == Run.State.COMPLETED and unscored)

    @property
    def charged(self) -> int:
        """Nanodollars, with the judges'."""
        return self.run.charged + (self.scoring.charged if self.scoring else 0)


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One item, with an answer for each model."""

    item: Item
    question: str
    answers: Sequence[TrialAnswer]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """A trial as it is now."""

    trial: ItemTrial
    columns: Sequence[TrialColumn]
    rows: Sequence[TrialRow]
    hidden: int
    """Items that the visitor may not see."""

    @property
    def is_live(self) -> bool:
        return any(column.is_live for column in self.columns)


def trial_at(public_id: str, *, to: Visitor) -> ItemTrial:
    """Return a trial; 404 for those who do not see what its payer does."""
    runs = Run.objects.select_related("contender__deployment", "task_version").order_by("pk")
    found = (
        ItemTrial.objects.select_related("version__task__namespace", "namespace")
        .prefetch_related(Prefetch("runs", queryset=runs))
        .filter(public_id=public_id)
        .first()
    )
    if found is None or not can_see_inside(to, found.namespace):
        raise Http404
    return found


def latest_trials_of(version: TaskVersion, *, by: User) -> list[ItemTrial]:
    """Return the person's newest trials of a version."""
    return list(
        ItemTrial.objects.filter(version=version, created_by=by, reason=ItemTrial.TrialReason.TRY)
        .filter(runs__isnull=False)
        .distinct()
        .order_by("-id")[:_LISTED]
    )


def side_by_side(trial: ItemTrial, *, to: Visitor) -> SideBySide:
    """Return the items of a trial with the answers of its models. Four queries."""
    runs = list(trial.runs.all())
    scorings = scorings_by_run(runs)
    version = trial.version
    items = _asked_items(version, runs)
    seen = items
    if version.private_item_count and not can_view_private_items(to, version.task):
        seen = [item for item in items if item.split == Item.Split.PUBLIC]
    samples = in_brief(
        Sample.objects.filter(run__in=runs, item__in=[one.pk for one in seen], repeat=0),
        characters=_OUTPUT + 1,
    )
    by_place = {(sample.run_id, sample.item_id): sample for sample in samples}
    scores = {
        score.sample_id: score
        for score in SampleScore.objects.filter(
            scoring__in=[one.pk for one in scorings.values()],
            sample__in=[one.pk for one in by_place.values()],
        )
    }
    main: str = kind_of(version).definition.main
    rows = [
        TrialRow(
            item,
            "" if item.is_withheld else cap_text(text_of_item(item), _QUESTION).text,
            [_answer(by_place.get((run.pk, item.pk)), scores, main) for run in runs],
        )
        for item in seen
    ]
    columns = [TrialColumn(run, scorings.get(run.pk)) for run in runs]
    return SideBySide(trial, columns, rows, hidden=len(items) - len(seen))


def _asked_items(version: TaskVersion, runs: Sequence[Run]) -> list[Item]:
    positions: set[int] = set()
    for run in runs:
        positions.update(run.sampled_positions or range(run.item_count))
    return list(Item.objects.filter(version=version, position__in=positions).order_by("position"))


def _answer(sample: Sample | None, scores: Mapping[int, SampleScore], main: str) -> TrialAnswer:
    if sample is None:
        return TrialAnswer()
    score = scores.get(sample.pk)
    verdicts: list[ScorerVerdict] = []
    if score is not None:
        verdicts.append(_verdict(main, score.value, score.answer, score.explanation))
        others: Mapping[str, Mapping[str, Any]] = score.details.get("scorers", {})
        verdicts += [
            _verdict(name, one.get("value"), one.get("answer", ""), one.get("explanation", ""))
            for name, one in others.items()
        ]
    beginning: str = sample.beginning  # type: ignore[attr-defined]
    return TrialAnswer(sample, cap_text(beginning, _OUTPUT), verdicts)


def _verdict(name: str, value: Any, answer: str, explanation: str) -> ScorerVerdict:
    number = float(value) if isinstance(value, int | float) else None
    return ScorerVerdict(name, number, answer[:200], explanation[:_EXPLANATION])
