"""Metrics of a whole run, from what its scorers read in each output."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plumbmark.scoring.estimates import round_digits
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.run_metrics.confidence import read_confidence
from plumbmark.scoring.run_metrics.estimation import RunEstimate, estimate_measure
from plumbmark.scoring.run_metrics.measures import (
    LABEL_METRICS,
    NUMBER_METRICS,
    measure_calibration,
    measure_labels,
    measure_numbers,
)
from plumbmark.scoring.scorers import build_scorer
from plumbmark.scoring.scorers.base import (
    Scorer,
    ScorerContext,
    ScorerSpecError,
    target_list,
    target_text,
)
from plumbmark.scoring.scorers.multiple_choice import MultipleChoice
from plumbmark.scoring.scorers.numeric import Numeric
from plumbmark.scoring.scorers.option_targets import right_letters
from plumbmark.scoring.shuffling import LETTERS, choice_order
from tasks_app.definitions import Definition
from tasks_app.definitions.document import RunMetricSpec
from tasks_app.models import Item, SampleScore, Scoring

_AT_ONCE = 2000
_NONE_OF_THEM = "\0"
"""The label of an answer that is none of the classes, or was refused by the scorer."""

Pair = tuple[Any, Any]
"""The right answer and the given one, or a confidence and a score."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A sample as metrics take it."""

    item: Item
    value: float | None
    answer: str
    output: str


class _PairReader:
    """Takes from each sample what one metric compares."""

    def __init__(self, spec: RunMetricSpec, scorer: Scorer, choice_seed: int | None) -> None:
        self.spec = spec
        self._scorer = scorer
        self._choice_seed = choice_seed
        self.pairs: list[Pair] = []
        self.clusters: list[str] = []
        self.left_out = 0

    def add(self, sample: _Read, cluster: str) -> None:
        pair = None if sample.value is None else self._pair(sample)
        if pair is None:
            self.left_out += 1
        else:
            self.pairs.append(pair)
            self.clusters.append(cluster)

    def _pair(self, sample: _Read) -> Pair | None:
        """Return what is compared; None for a sample that the metric cannot use."""
        if self.spec.type in LABEL_METRICS:
            return self._labels(sample)
        if self.spec.type in NUMBER_METRICS:
            return self._numbers(sample)
        confidence = read_confidence(sample.output, self.spec.confidence)
        return None if confidence is None else (confidence, sample.value)

    def _labels(self, sample: _Read) -> Pair | None:
        if isinstance(self._scorer, MultipleChoice):
            right, given = self._options(sample, self._scorer)
        else:
            targets = target_list(sample.item.target)
            right = _label(target_text(targets[0])) if targets else ""
            given = _label(sample.answer)
        if not right:
            return None
        if sample.value == 1:
            return right, right
        return right, _NONE_OF_THEM if given == right else given

    def _options(self, sample: _Read, scorer: MultipleChoice) -> tuple[str, str]:
        """Return the texts of the right option and of the chosen one: letters differ by item."""
        item, options = sample.item, sample.item.choices or ()
        context = ScorerContext(item.key, options, self._choice_seed)
        order = choice_order(len(options), self._choice_seed, item.key)
        shown = {LETTERS[n]: _label(options[place]) for n, place in enumerate(order)}
        try:
            letters = right_letters(item.target, context, scorer.target_is)
        except ScorerSpecError:
            return "", ""
        return shown[min(letters)], shown.get(sample.answer, _NONE_OF_THEM)

    def _numbers(self, sample: _Read) -> Pair | None:
        assert isinstance(self._scorer, Numeric)
        targets = target_list(sample.item.target)
        wanted = self._scorer.read_number(targets[0]) if targets else None
        given = self._scorer.read_number(sample.answer)
        if wanted is None or given is None:
            return None
        pair = float(wanted), float(given)
        return pair if np.isfinite(pair).all() else None

    def estimate(self) -> RunEstimate:
        if not self.pairs:
            return RunEstimate(None)
        first, second = (list(side) for side in zip(*self.pairs, strict=True))
        kind: Any = self.spec.type
        if kind in LABEL_METRICS:
            measure = measure_labels(kind, first, second)
        elif kind in NUMBER_METRICS:
            measure = measure_numbers(kind, np.array(first), np.array(second))
        else:
            measure = measure_calibration(kind, np.array(first), np.array(second))
        return estimate_measure(measure, self.clusters)


def run_metric_estimates(scoring: Scoring, main: ItemScores) -> dict[str, dict[str, Any]]:
    """Return value, low, high, scored and unscored of each metric of the run, by its name.

    `main` has the items of the scoring in their order. A sample without a verdict, a number or a
    confidence is left out of a metric and counted as unscored there.
    """
    stored: Mapping[str, Any] = scoring.task_version.definition or {}
    if not stored.get("metrics"):
        return {}
    definition = Definition.from_document(stored)
    scorers = {spec.name: build_scorer(spec.as_spec()) for spec in definition.scorers}
    readers = [
        _PairReader(spec, scorers[spec.scorer], definition.prompt.shuffle_seed)
        for spec in definition.metrics
    ]
    clusters = [score.cluster or f"\0{key}" for key, score in main.items()]
    needs_output = any(spec.confidence for spec in definition.metrics)
    for ordinal, verdicts in _verdicts(scoring, definition, needs_output=needs_output):
        place = scoring.run.place_of(ordinal)
        for reader in readers:
            reader.add(verdicts[reader.spec.scorer], clusters[place])
    return {reader.spec.name: _document(reader) for reader in readers}


def _document(reader: _PairReader) -> dict[str, Any]:
    found = reader.estimate()
    numbers = {"value": found.value, "low": found.low, "high": found.high}
    return {
        **{name: None if one is None else round_digits(one) for name, one in numbers.items()},
        "scored": len(reader.pairs),
        "unscored": reader.left_out,
    }


def _verdicts(
    scoring: Scoring, definition: Definition, *, needs_output: bool
) -> Iterator[tuple[int, Mapping[str, _Read]]]:
    """Return each sample's ordinal and what its scorers read, by scorer."""
    items = _items(scoring)
    columns = ["sample__ordinal", "value", "answer", "details"]
    rows: Any = (
        SampleScore.objects.filter(scoring=scoring, sample__run=scoring.run_id)
        .order_by("sample__ordinal")
        .values_list(*columns, *(["sample__output"] if needs_output else []))
    )
    names = [scorer.name for scorer in definition.scorers]
    for ordinal, value, answer, details, *outputs in rows.iterator(chunk_size=_AT_ONCE):
        item, output = items[scoring.run.place_of(ordinal)], "".join(outputs)
        others = details.get("scorers", {})
        verdicts = {
            name: _Read(
                item,
                value if name == definition.main else others.get(name, {}).get("value"),
                (answer if name == definition.main else others.get(name, {}).get("answer")) or "",
                output,
            )
            for name in names
        }
        yield ordinal, verdicts


def _items(scoring: Scoring) -> Sequence[Item]:
    return list(
        Item.objects.filter(scoring.run.asked_items, version_id=scoring.task_version_id)
        .order_by("position")
        .only("position", "key", "target", "choices")
    )


def _label(text: str) -> str:
    return " ".join(text.casefold().split())
