"""Kinds of tasks: everything that differs between a declarative task and a program.

`kind_of` returns a version's kind: one object, made once, with the definition parsed once. What a
kind can do is a method of it, so that no caller asks which kind it is. The kinds register
themselves in `TasksConfig.ready`; this module imports neither.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from plumbmark.accounts.models import Namespace, User
from plumbmark.gateway.models import Deployment
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import Metric
from tasks_app.models import Contender, Sample, Scoring, Shard, TaskDraft, TaskVersion

if TYPE_CHECKING:
    from tasks_app.authoring.preview import Preview
    from tasks_app.runs.bound_inputs import BoundInputs, BoundRequest
    from tasks_app.runs.claims import Lease
    from tasks_app.scorings.output_scorer import OutputScorer


@dataclass(frozen=True, slots=True)
class CostPart:
    """The most that one deployment of a run, or of a scoring, costs, in nanodollars."""

    role: str
    """`model`, `simulated user` or `judge`."""
    deployment: str
    total: int
    is_metered: bool
    """False: a user's own deployment, paid directly to the provider."""
    is_priced: bool


def join_parts(parts: Iterable[CostPart]) -> list[CostPart]:
    """Return one part for each role and deployment, with their sum."""
    joined: dict[tuple[str, str], CostPart] = {}
    for part in parts:
        known = joined.get((part.role, part.deployment))
        total = part.total + (known.total if known else 0)
        joined[part.role, part.deployment] = replace(part, total=total)
    return list(joined.values())


@dataclass(frozen=True, slots=True)
class CostBound:
    """An upper bound of a run's cost, in nanodollars, as shown before its start.

    Judges and simulated users are part of it; `parts` says what each costs.
    """

    total: int
    samples: int
    max_output_tokens: int
    is_metered: bool
    """False: the user's own deployment, paid directly to the provider."""
    is_priced: bool
    """False: no price is known; on the platform's keys the run is refused."""
    is_open: bool = False
    """The calls are not known beforehand: a spend limit is what bounds it."""
    parts: Sequence[CostPart] = ()

    @classmethod
    def of_parts(
        cls, parts: Sequence[CostPart], *, samples: int, max_output_tokens: int
    ) -> "CostBound":
        """Return the sum of the parts; 0 where the price of one is not known."""
        is_priced = all(part.is_priced for part in parts if part.is_metered)
        return cls(
            total=sum(part.total for part in parts) if is_priced else 0,
            samples=samples,
            max_output_tokens=max_output_tokens,
            is_metered=any(part.is_metered for part in parts),
            is_priced=is_priced,
            parts=parts,
        )

    @property
    def unpriced(self) -> str:
        """The first deployment on the platform's keys whose price is not known."""
        return next(
            (part.deployment for part in self.parts if part.is_metered and not part.is_priced), ""
        )


@dataclass(frozen=True, slots=True)
class AuxiliaryDeployments:
    """Deployments that a run calls besides its contender's."""

    deployments: Sequence[Deployment] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What the run freezes of them, among its parameters."""


class WorkSlice(Protocol):
    """One worker's bounded work on a run."""

    def work(self) -> str:
        """Work until the slice is over or nothing is left; return why it ended."""
        ...


class TaskKind(Protocol):
    """The abilities of a version. Methods named `check_…` raise `Conflict` where it cannot."""

    version: TaskVersion
    definition: Any
    """The parsed definition: `Definition` or `CodeDefinition`."""
    runs_program: bool
    """Runs are programs of the author's, with a log, files and a report."""
    needs_sandbox: bool
    """The tools that its model may call run code."""

    # --- before a run -----------------------------------------------------------------------

    def parameters(self, contender: Contender) -> dict[str, Any]:
        """Return the sampling as it is sent: the task's, and over it the contender's."""
        ...

    def count_items(self, *, of_try: bool) -> int:
        """Return how many items a run asks."""
        ...

    @property
    def auxiliary_slugs(self) -> frozenset[str]:
        """The deployments that the definition names by their slugs."""
        ...

    def bound_key(self, request: "BoundRequest", inputs: "BoundInputs") -> str:
        """Return the key under which a bound is kept; empty where it is computed each time."""
        ...

    def bound_cost(self, request: "BoundRequest", inputs: "BoundInputs") -> CostBound:
        """Return an upper bound of the cost of a run; `Conflict` where some items cannot be asked
        alone.
        """
        ...

    def auxiliary_deployments(self, payer: Namespace) -> AuxiliaryDeployments:
        """Return whom a run asks besides its contender; `Conflict` where one is missing."""
        ...

    def check_deployment(self, deployment: Deployment) -> None:
        """Check that the model takes in what the messages contain."""
        ...

    def check_contender(self, contender: Contender) -> None: ...

    def check_workers(self) -> None:
        """Check that some worker can run it."""
        ...

    # --- a run and its samples --------------------------------------------------------------

    def open_slice(self, shard: Shard, lease: "Lease") -> WorkSlice: ...

    def check_retry(self) -> None:
        """Check that failed samples can be asked again one by one."""
        ...

    def check_submission(self) -> None:
        """Check that outputs can be submitted in place of a run."""
        ...

    def worker_needed(self) -> str:
        """Return what a queued run waits for, for people."""
        ...

    def messages_of(self, sample: Sample) -> Sequence[Mapping[str, Any]]:
        """Return what was sent for a sample whose item is not withheld."""
        ...

    # --- scores -----------------------------------------------------------------------------

    @property
    def output_scorer(self) -> "OutputScorer": ...

    def check_rescoring(self) -> None:
        """Check that stored outputs can be scored again."""
        ...

    def estimate(self, scoring: Scoring, scores: ItemScores, metric: Metric) -> dict[str, Any]:
        """Return the estimate of a scoring as plain data."""
        ...


class DraftKind(Protocol):
    """The abilities of an author's draft."""

    name: str
    """A value of `TaskVersion.Kind`."""
    edit_url: str
    """The name of the editor's address."""

    def build(self, draft: TaskDraft, *, by: User) -> TaskVersion:
        """Return an unpublished version of the draft, the same one for an unchanged draft."""
        ...

    def preview(
        self, draft: TaskDraft, *, text: str | None, rows: int | None, item: str
    ) -> "Preview":
        """Check the draft, or a text in its place that is not saved yet. Saves nothing."""
        ...

    def check(self, draft: TaskDraft, *, text: str | None = None) -> dict[str, Any]:
        """Check the whole draft, or a text in its place that is not saved yet; return what the API
        tells of it, `InvalidInput` otherwise.
        """
        ...


_kinds: dict[str, tuple[Callable[[TaskVersion], TaskKind], DraftKind]] = {}


def register_kind(
    name: str, *, of_version: Callable[[TaskVersion], TaskKind], of_draft: DraftKind
) -> None:
    """Register what makes the kind object of a version, and the one of drafts."""
    _kinds[name] = (of_version, of_draft)


def kind_of(version: TaskVersion) -> TaskKind:
    """Return the version's kind, made once for each object of the row."""
    kind: TaskKind | None = version.__dict__.get("_kind_object")
    if kind is None:
        kind = version.__dict__["_kind_object"] = _kinds[version.kind][0](version)
    return kind


def draft_kind_of(draft: TaskDraft) -> DraftKind:
    """Return the kind of a draft: that of a program where it has code."""
    return _kinds[draft.kind][1]
