"""The verdicts of a draft's scorers on outputs that an author pasted, or that a run has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from plumbmark.accounts.models import User
from plumbmark.common.errors import Conflict, InvalidInput, Problem
from tasks_app.authoring.drafts import FIRST_ROWS, check_draft
from tasks_app.definitions import Definition
from tasks_app.kinds import draft_kind_of
from tasks_app.models import Run, TaskDraft, TaskVersion
from tasks_app.runs.queries import samples_of, viewable_runs
from tasks_app.scorings.output_scorer import ItemVerdict, OutputScorer

MAX_OUTPUTS = 50
MAX_CHARACTERS = 1_000_000
"""Of all outputs of one trial together."""
_MAX_RUNS = 30


@dataclass(frozen=True, slots=True)
class TrialItem:
    """The part of an item that scorers see."""

    key: str = ""
    target: Any = None
    choices: Sequence[str] | None = None
    scorer_input: Mapping[str, Any] = field(default_factory=dict)


TrialPair = tuple[str, TrialItem]
"""An output with its item."""


@dataclass(frozen=True, slots=True)
class TrialOutput:
    """An output to be tried. `item` is the key of one of the draft's first items; empty for none.

    `target` is used in place of the item's; None leaves the item's.
    """

    text: str
    item: str = ""
    target: Any = None


@dataclass(frozen=True, slots=True)
class TrialVerdict:
    """One scorer's verdict on one output. `value` is None where there is none, as `explanation`
    says; `start` and `end` are the place that it read, in characters of the output.
    """

    scorer: str
    type: str
    value: float | None
    answer: str
    explanation: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The verdicts of all scorers on one output."""

    item: str
    output: str
    target: Any
    verdicts: Sequence[TrialVerdict]


@dataclass(frozen=True, slots=True)
class DraftItems:
    """A draft's definition with its first items by key."""

    definition: Definition
    items: Mapping[str, TrialItem]


def read_draft(draft: TaskDraft) -> DraftItems:
    """Return the definition and the first items of a draft; `InvalidInput` with its problems.

    `Conflict` for a task that is a program, which has no scorers.
    """
    if draft_kind_of(draft).name != TaskVersion.Kind.DECLARATIVE:
        raise Conflict(_("A code task scores in its own program; it has no scorers to try."))
    with check_draft(draft, first=FIRST_ROWS) as (definition, imported):
        items = {
            one.key: TrialItem(one.key, one.target, one.choices, one.scorer_input)
            for one in islice(imported, FIRST_ROWS)
        }
    return DraftItems(definition, items)


def try_scorers(read: DraftItems, outputs: Sequence[TrialOutput]) -> list[TrialResult]:
    """Return what each scorer says of each output, in their order.

    Raises `InvalidInput` for too many or too long outputs and for items that are not known.
    """
    return _score(read.definition, pairs_of(read, outputs))


def pairs_of(read: DraftItems, outputs: Sequence[TrialOutput]) -> list[TrialPair]:
    """Return the outputs, each with its item; `InvalidInput` as `try_scorers` says."""
    if len(outputs) > MAX_OUTPUTS:
        message = f"at most {MAX_OUTPUTS} outputs are tried at once; there are {len(outputs)}"
        raise InvalidInput([Problem(message, "outputs")])
    if sum(len(one.text) for one in outputs) > MAX_CHARACTERS:
        message = f"all outputs together may have at most {MAX_CHARACTERS:,} characters"
        raise InvalidInput([Problem(message, "outputs")])
    unknown = [
        Problem(
            f"{one.item!r} is not the id of one of the first {FIRST_ROWS} items", f"outputs[{n}]"
        )
        for n, one in enumerate(outputs)
        if one.item and one.item not in read.items
    ]
    if unknown:
        raise InvalidInput(unknown[:10])
    return [(one.text, _item_of(one, read.items)) for one in outputs]


def try_on_run(read: DraftItems, run: Run, *, by: User) -> list[TrialResult]:
    """Return what each scorer says of the first outputs of an earlier run.

    Items are the draft's of the same id where it is among the first, and the run's otherwise.
    """
    return _score(read.definition, pairs_of_run(read, run, by=by))


def pairs_of_run(read: DraftItems, run: Run, *, by: User) -> list[TrialPair]:
    """Return the first outputs of a run, each with its item."""
    samples = samples_of(run, to=by).filter(is_scored=True)[:MAX_OUTPUTS]
    pairs = []
    for sample in samples:
        item = sample.item
        stored = TrialItem(item.key, item.target, item.choices, item.scorer_input)
        pairs.append((sample.output, read.items.get(item.key, stored)))
    return pairs


def runs_to_try(draft: TaskDraft, *, by: User) -> list[Run]:
    """Return the newest completed runs of the task that the person may see."""
    return list(
        viewable_runs(to=by)
        .filter(task_version__task_id=draft.task_id, state=Run.State.COMPLETED)
        .order_by("-id")[:_MAX_RUNS]
    )


def _item_of(output: TrialOutput, items: Mapping[str, TrialItem]) -> TrialItem:
    item = items.get(output.item, TrialItem())
    if output.target is None:
        return item
    return TrialItem(item.key, output.target, item.choices, item.scorer_input)


def scorer_of(definition: Definition) -> OutputScorer:
    # What judges are shown is salted with the secret; nothing is shown to any here.
    return OutputScorer.of_definition(definition, secret="")


def _score(definition: Definition, pairs: Sequence[TrialPair]) -> list[TrialResult]:
    scorer = scorer_of(definition)
    return describe_verdicts(
        definition, pairs, [scorer.explain(text, item) for text, item in pairs]
    )


def describe_verdicts(
    definition: Definition,
    pairs: Sequence[TrialPair],
    found: Sequence[Mapping[str, ItemVerdict]],
) -> list[TrialResult]:
    """Return the results of outputs from the scorers' verdicts on each."""
    types = {one.name: one.type for one in definition.scorers}
    results = []
    for (text, item), by_scorer in zip(pairs, found, strict=True):
        verdicts = [
            TrialVerdict(
                name,
                types[name],
                one.value,
                one.answer,
                one.explanation,
                one.details.get("start"),
                one.details.get("end"),
            )
            for name, one in by_scorer.items()
        ]
        results.append(TrialResult(item.key, text, item.target, verdicts))
    return results
