"""Code tasks: a program in the sandbox that asks models itself."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import Conflict
from plumbmark.gateway.calls.policy import current_price_card, current_price_cards
from plumbmark.gateway.models import Deployment
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import Metric
from tasks_app.code_tasks.auxiliary_models import AuxiliaryModels, find_auxiliary_models
from tasks_app.code_tasks.definition import READER_VERSION, CodeDefinition
from tasks_app.code_tasks.scores import estimate_of_program, program_scores
from tasks_app.code_tasks.slices import CodeSlice
from tasks_app.kinds import AuxiliaryDeployments, CostBound
from tasks_app.models import Contender, Sample, Scoring, Shard, TaskVersion
from tasks_app.runs.bound_inputs import BoundInputs, BoundRequest
from tasks_app.runs.claims import Lease
from tasks_app.scorings.estimates import as_document
from tasks_app.scorings.output_scorer import OutputScorer
from tasks_app.workers import sandbox


class CodeKind:
    """A version that is a program: it asks models itself and says what it came to."""

    runs_program: bool = True
    needs_sandbox: bool = False
    """No tool of a model runs code; the program itself has workers of its own."""

    def __init__(self, version: TaskVersion) -> None:
        self.version = version
        self.definition = CodeDefinition.from_document(version.definition)
        self._models: dict[int, AuxiliaryModels] = {}

    def parameters(self, contender: Contender) -> dict[str, Any]:
        # Each call of the program brings its own sampling.
        return {"timeout_minutes": self.definition.timeout_minutes}

    def count_items(self, *, of_try: bool) -> int:
        return self.version.item_count

    auxiliary_slugs: frozenset[str] = frozenset()
    """It names models in words of its own: `find_auxiliary_models`."""

    def bound_key(self, request: BoundRequest, inputs: BoundInputs) -> str:
        return ""

    def bound_cost(self, request: BoundRequest, inputs: BoundInputs) -> CostBound:
        if request.positions is not None:
            raise Conflict(
                "A program decides by itself what it asks, so no few items can be tried."
            )
        further = self._further_models(request.payer).deployments
        known = {**current_price_cards([one.pk for one in further]), **inputs.cards}
        asked = [one for one in (request.deployment, *further) if one.owner_id is None]
        cards = [known.get(one.pk) for one in asked]
        is_free = all(
            card is not None
            and not any((card.input_per_mtok, card.output_per_mtok, card.per_request))
            for card in cards
        )
        return CostBound(
            0,
            request.items,
            0,
            is_metered=bool(cards),
            is_priced=None not in cards,
            is_open=not is_free,
        )

    def auxiliary_deployments(self, payer: Namespace) -> AuxiliaryDeployments:
        definition = self.definition
        found = self._further_models(payer)
        needed = {definition.judge, *definition.models}
        for name in found.missing:
            if name in needed:
                raise Conflict(f"The task's settings name {name}, which cannot be called here.")
        for one in found.deployments:
            if one.owner_id is None and current_price_card(one.pk) is None:
                raise Conflict(
                    f"No price is known for {one.slug}, which the program may ask. An "
                    "administrator can set one.",
                    code="no-price",
                )
        return AuxiliaryDeployments(found.deployments, found.as_parameters())

    def _further_models(self, payer: Namespace) -> AuxiliaryModels:
        """Look them up once for whoever pays: a start asks twice."""
        if payer.pk not in self._models:
            self._models[payer.pk] = find_auxiliary_models(self.definition, payer=payer)
        return self._models[payer.pk]

    def check_deployment(self, deployment: Deployment) -> None:
        """Accept any model: what the program sends is not known beforehand."""

    def check_contender(self, contender: Contender) -> None:
        if contender.configuration:
            raise Conflict(
                "The program sets sampling itself, so a contender with settings of its own cannot "
                "be run. Choose the model without differences."
            )

    def check_workers(self) -> None:
        sandbox.check_can_run(self.definition.environment)

    def open_slice(self, shard: Shard, lease: Lease) -> CodeSlice:
        return CodeSlice(shard, lease, self.definition)

    def check_retry(self) -> None:
        raise Conflict("A program cannot be run in part. Start a new run.")

    def check_submission(self) -> None:
        raise Conflict(
            "This task is a program that calls models itself; it does not accept outputs."
        )

    def worker_needed(self) -> str:
        return _("a free worker that runs code")

    def messages_of(self, sample: Sample) -> Sequence[Mapping[str, Any]]:
        return sample.messages or []

    @cached_property
    def output_scorer(self) -> OutputScorer:
        # The program itself says what it came to: there is nothing to score.
        return OutputScorer({}, versions={"program": READER_VERSION})

    def check_rescoring(self) -> None:
        raise Conflict("A program reports its own score; start a new run instead.")

    def estimate(self, scoring: Scoring, scores: ItemScores, metric: Metric) -> dict[str, Any]:
        return as_document(estimate_of_program(program_scores(scoring, scores, metric), metric))
