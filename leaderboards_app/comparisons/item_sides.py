"""The answers of two runs to one item, and to the items of a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Left

from leaderboards_app.comparisons.queries import RunSet
from plumbmark.scoring.reasoning import SplitOutput
from plumbmark.web.long_text import CappedText, cap_text
from plumbmark.web.word_differences import MarkedWords, mark_differences
from tasks_app.kinds import kind_of
from tasks_app.models import Run, Sample, SampleScore
from tasks_app.runs.transcripts import messages_of

_BEGINNING = 160


@dataclass(frozen=True, slots=True)
class ItemSide:
    """One run's answer to an item. `sample` is None where the run has none."""

    run: Run
    sample: Sample | None
    score: SampleScore | None
    messages: Sequence[Mapping[str, Any]]
    split: SplitOutput | None
    """None where there is nothing to show."""


def sides_of_item(
    found: RunSet, pair: tuple[int, int], position: int, repeat: int
) -> tuple[ItemSide, ItemSide]:
    """Return both runs' answers to one item. Its visibility is for the caller to check."""
    runs = [found.runs[place] for place in pair]
    scorings = [found.scorings[place] for place in pair]
    wanted = Q()
    for run in runs:
        wanted |= Q(run=run, ordinal=position * run.repeats + min(repeat, run.repeats - 1))
    samples = {one.run_id: one for one in Sample.objects.select_related("item").filter(wanted)}
    scores = {
        one.sample_id: one
        for one in SampleScore.objects.filter(
            scoring__in=scorings, sample__in=list(samples.values())
        )
    }
    one, other = (_side(run, samples.get(run.pk), scores) for run in runs)
    return one, other


def _side(run: Run, sample: Sample | None, scores: Mapping[int, SampleScore]) -> ItemSide:
    if sample is None:
        return ItemSide(run, None, None, (), None)
    sample.run = run
    split = None
    if not sample.is_withheld and not sample.item.is_withheld:
        split = kind_of(run.task_version).output_scorer.split(sample.output)
    return ItemSide(run, sample, scores.get(sample.pk), messages_of(run, sample), split)


@dataclass(frozen=True, slots=True)
class MarkedSide:
    """A side with its answer in passages. `is_compared_in_part`: the ends are not compared."""

    side: ItemSide
    text: CappedText
    passages: Sequence[MarkedWords]
    is_compared_in_part: bool


def mark_sides(sides: tuple[ItemSide, ItemSide]) -> tuple[MarkedSide, MarkedSide]:
    """Mark what differs in the beginnings of both answers."""
    one, other = (cap_text(side.split.answer if side.split else "") for side in sides)
    marked = mark_differences(one.text, other.text)
    return (
        MarkedSide(sides[0], one, marked.first, marked.is_cut),
        MarkedSide(sides[1], other, marked.second, marked.is_cut),
    )


@dataclass(frozen=True, slots=True)
class ShortAnswer:
    """The beginning of an answer in a list."""

    text: str
    is_withheld: bool


def short_answers(
    found: RunSet, pair: tuple[int, int], positions: Sequence[int]
) -> dict[tuple[int, int], ShortAnswer]:
    """Return the first answers of two runs to some items, by place in the pair and position: what a
    scorer took of the output, or its beginning. One query.
    """
    runs = [found.runs[place] for place in pair]
    scorings = [found.scorings[place] for place in pair]
    wanted = Q()
    for run in runs:
        wanted |= Q(run=run, ordinal__in=[place * run.repeats for place in positions])
    taken = SampleScore.objects.filter(scoring__in=scorings, sample=OuterRef("pk"))
    rows = (
        Sample.objects.filter(wanted)
        .annotate(
            taken=Subquery(taken.annotate(shown=Left("answer", _BEGINNING)).values("shown")[:1]),
            beginning=Left("output", _BEGINNING),
            item_withheld_at=F("item__withheld_at"),
        )
        .values_list("run_id", "ordinal", "taken", "beginning", "withheld_at", "item_withheld_at")
    )
    answers: dict[tuple[int, int], ShortAnswer] = {}
    for run_id, ordinal, answer, beginning, withheld, item_withheld in rows:
        side = 0 if run_id == runs[0].pk else 1
        is_withheld = bool(withheld or item_withheld)
        text = "" if is_withheld else answer or beginning
        answers[side, ordinal // runs[side].repeats] = ShortAnswer(text, is_withheld)
    return answers
