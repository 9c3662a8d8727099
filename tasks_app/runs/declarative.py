"""Declarative tasks: a definition and a data file, asked item by item."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import Conflict
from plumbmark.engine.ports import ModelRequest
from plumbmark.gateway.catalogue.prices import TOKENS_PER_PRICE
from plumbmark.gateway.models import Deployment, PriceCard
from plumbmark.gateway.queries import request_bound
from plumbmark.scoring.estimates import estimate
from plumbmark.scoring.items import ItemScores
from plumbmark.scoring.metrics import Metric
from tasks_app.definitions import Definition, render_messages
from tasks_app.judges.cost import bound_judges
from tasks_app.kinds import AuxiliaryDeployments, CostBound, CostPart
from tasks_app.models import Contender, Item, Run, Sample, Scoring, Shard, TaskVersion
from tasks_app.runs import stored_bounds
from tasks_app.runs.bound_inputs import BoundInputs, BoundRequest
from tasks_app.runs.claims import Lease
from tasks_app.runs.planning import RequestPlanner, tools_need_sandbox
from tasks_app.runs.slices import RunSlice
from tasks_app.scorings.estimates import as_document, passes
from tasks_app.scorings.output_scorer import OutputScorer

TRY_ITEMS = 3
_MEDIA_WORDS = {"image": "images", "audio": "audio"}


class DeclarativeKind:
    """A version whose items are asked one by one and scored by the definition's scorers."""

    runs_program: bool = False

    def __init__(self, version: TaskVersion) -> None:
        self.version = version
        self.definition = Definition.from_document(version.definition)
        self.needs_sandbox = tools_need_sandbox(self.definition)

    def parameters(self, contender: Contender) -> dict[str, Any]:
        sampling = dict(self.definition.sampling.as_document())
        configuration = dict(contender.configuration)
        effort = configuration.pop("reasoning_effort", None)
        sampling.update(configuration)
        if effort is not None:
            sampling["extra"] = {"reasoning_effort": effort}
        return sampling

    def count_items(self, *, of_try: bool) -> int:
        items = self.version.item_count
        return min(TRY_ITEMS, items) if of_try else items

    @cached_property
    def auxiliary_slugs(self) -> frozenset[str]:
        user = self.definition.prompt.simulated_user
        return self._judge_slugs | ({user.model} if user else set())

    @cached_property
    def _judge_slugs(self) -> frozenset[str]:
        scorers = self.output_scorer.judging.values()
        return frozenset(judge for scorer in scorers for judge in scorer.judges)

    def bound_key(self, request: BoundRequest, inputs: BoundInputs) -> str:
        if request.positions is not None or request.items < stored_bounds.MIN_ITEMS:
            return ""
        user = self.definition.prompt.simulated_user
        played = inputs.auxiliary.get(user.model) if user else None
        judges = inputs.judges(self._judge_slugs, request.payer)
        return stored_bounds.key_of_bound(
            self.version,
            items=request.items,
            parameters=self.parameters(request.contender),
            deployments=[request.deployment, *judges, *([played] if played else [])],
            cards=inputs.cards,
        )

    def bound_cost(self, request: BoundRequest, inputs: BoundInputs) -> CostBound:
        user = self.definition.prompt.simulated_user
        played = None if user is None else self._played(inputs.auxiliary.get(user.model))
        key = self.bound_key(request, inputs)
        found = inputs.stored.get(key)
        if found is None:
            found = self._compute_bound(request.deployment, played, request, inputs)
            if key:
                stored_bounds.store_bound(key, found)
        return found

    def _compute_bound(
        self,
        deployment: Deployment,
        played: Deployment | None,
        request: BoundRequest,
        inputs: BoundInputs,
    ) -> CostBound:
        version = self.version
        repeats = version.repeats if request.positions is None else 1
        draft = Run(
            task_version=version,
            contender=request.contender,
            repeats=repeats,
            parameters=self.parameters(request.contender),
        )
        card = inputs.cards.get(deployment.pk)
        asked = 0
        limit = draft.parameters["max_output_tokens"]
        is_metered = deployment.owner_id is None
        planner = RequestPlanner(draft, self.definition)
        users = _UserBound(played, inputs.cards, self.definition, limit)
        judging = list(self.output_scorer.judging.values())
        judged: list[tuple[Item, int]] = []
        total = of_users = 0
        for item in inputs.items_of(request):
            asked += 1
            if judging:
                judged.append((item, self._most_scored_tokens(planner, item, limit)))
            if card is None:
                continue
            of_sample = largest = 0
            for step in planner.steps(item.position * repeats, item):
                # Earlier answers are sent again; none has more tokens than it may have.
                message_tokens = step.answers * limit
                if planner.max_answer_tokens is not None:
                    message_tokens = min(message_tokens, planner.max_answer_tokens)
                message_tokens += step.user_turns * users.max_output_tokens + step.tool_bytes
                again = -(-message_tokens * card.input_per_mtok // TOKENS_PER_PRICE)
                each = request_bound(step.request, card, deployment) + (again if is_metered else 0)
                of_sample += each
                largest = max(largest, each)
            of_user = users.of(planner, item)
            if planner.max_cost is not None:
                # The call that uses the limit up may go beyond it.
                of_sample = min(of_sample, planner.max_cost + largest)
            total += of_sample * repeats
            of_users += of_user * repeats
        parts = [CostPart("model", deployment.slug, total, is_metered, card is not None)]
        if users.deployment is not None:
            parts.append(
                CostPart(
                    "simulated user",
                    users.deployment.slug,
                    of_users,
                    users.deployment.owner_id is None,
                    users.is_priced,
                )
            )
        parts += bound_judges(
            judging,
            judged,
            judges=inputs.judges(self._judge_slugs, request.payer),
            cards=inputs.cards,
            repeats=repeats,
        )
        return CostBound.of_parts(parts, samples=asked * repeats, max_output_tokens=limit)

    def _most_scored_tokens(self, planner: RequestPlanner, item: Item, limit: int) -> int:
        """Return the most tokens that the scored text of a sample can have."""
        if self.definition.prompt.scored == "last":
            return limit
        steps = planner.steps(item.position * self.version.repeats, item)
        answers = 1 + max((step.answers for step in steps), default=0)
        return answers * limit

    def _simulated_user(self) -> Deployment | None:
        """Return the deployment that plays the user, None where none does."""
        user = self.definition.prompt.simulated_user
        if user is None:
            return None
        return self._played(Deployment.objects.filter(slug=user.model, is_active=True).first())

    def _played(self, found: Deployment | None) -> Deployment:
        """Return the deployment that plays the user; `Conflict` where it is gone."""
        user = self.definition.prompt.simulated_user
        assert user is not None
        if found is None:
            raise Conflict(f"{user.model} plays the user in this task, and is not there any more.")
        return found

    def auxiliary_deployments(self, payer: Namespace) -> AuxiliaryDeployments:
        user = self._simulated_user()
        return AuxiliaryDeployments([user] if user else [])

    def check_deployment(self, deployment: Deployment) -> None:
        known = deployment.model.modalities
        if not known:
            return
        missing = sorted({part.kind for part in self.definition.prompt.media_parts} - set(known))
        if missing:
            raise Conflict(
                "The messages of this task hold "
                f"{' and '.join(_MEDIA_WORDS[kind] for kind in missing)}, "
                f"and {deployment.model.slug} takes in {', '.join(known)} alone. Choose a model "
                "that takes it in, or have an administrator correct the model's modalities.",
                code="modality",
            )

    def check_contender(self, contender: Contender) -> None:
        """Accept every contender: the configuration goes over the task's sampling."""

    def check_workers(self) -> None:
        """Accept any worker; what its tools and scorers need is checked apart."""

    def open_slice(self, shard: Shard, lease: Lease) -> RunSlice:
        return RunSlice(shard, lease, self.definition)

    def check_retry(self) -> None:
        """Accept: each sample is asked by itself."""

    def check_submission(self) -> None:
        """Accept: outputs from elsewhere are scored like any others."""

    def worker_needed(self) -> str:
        return _("a free worker")

    def messages_of(self, sample: Sample) -> Sequence[Mapping[str, Any]]:
        return sample.messages or render_messages(self.definition, sample.item)

    @cached_property
    def output_scorer(self) -> OutputScorer:
        return OutputScorer.of_definition(self.definition, secret=self.version.salt)

    def check_rescoring(self) -> None:
        """Accept: the scorers read the stored outputs."""

    def estimate(self, scoring: Scoring, scores: ItemScores, metric: Metric) -> dict[str, Any]:
        return {**as_document(estimate(scores, metric)), **passes(scores, metric)}


class _UserBound:
    """The most that the simulated user of a sample can cost."""

    def __init__(
        self,
        deployment: Deployment | None,
        cards: Mapping[int, PriceCard],
        definition: Definition,
        answer_tokens: int,
    ) -> None:
        user = definition.prompt.simulated_user
        self._answer_tokens = answer_tokens
        self.deployment = deployment
        self.max_output_tokens = user.max_output_tokens if user else 0
        self._card = cards.get(self.deployment.pk) if self.deployment else None
        self.is_priced = (
            self.deployment is None
            or self.deployment.owner_id is not None
            or self._card is not None
        )

    def of(self, planner: RequestPlanner, item: Item) -> int:
        sample = planner.plan_sample(0, item)
        if self.deployment is None or sample.user is None:
            return 0
        request = ModelRequest(
            messages=[
                {"role": "system", "content": sample.user.instructions},
                *sample.request.messages,
            ],
            max_output_tokens=sample.user.max_output_tokens,
        )
        if not self.is_priced:
            return 0
        each = request_bound(request, self._card, self.deployment)
        price = self._card.input_per_mtok if self._card else 0
        turns = sample.user.max_turns - 1
        conversation_tokens = (
            (self._answer_tokens + sample.user.max_output_tokens) * turns * (turns + 1) // 2
        )
        return turns * each - (-conversation_tokens * price // TOKENS_PER_PRICE)
