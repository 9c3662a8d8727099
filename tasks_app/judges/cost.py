"""The most that the judges of a version can cost, before they are asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from plumbmark.accounts.models import Namespace
from plumbmark.engine.ports import ModelRequest
from plumbmark.gateway.catalogue.prices import TOKENS_PER_PRICE
from plumbmark.gateway.models import Deployment, PriceCard
from plumbmark.gateway.queries import callable_deployments, request_bound
from plumbmark.scoring.scorers import ModelJudge
from tasks_app.definitions.rendering import text_of
from tasks_app.kinds import CostPart
from tasks_app.models import Item

JUDGE = "judge"
"""The role of a judge's part of a cost."""
_MARK = "\N{REPLACEMENT CHARACTER}mark\N{REPLACEMENT CHARACTER}"
"""Stands for an output that is not known yet: how often it is shown is counted."""


@dataclass(slots=True)
class _Judge:
    deployment: Deployment
    card: PriceCard | None
    total: int = 0

    @property
    def is_metered(self) -> bool:
        return self.deployment.owner_id is None

    def add(self, request: ModelRequest, output_tokens: int) -> None:
        """Add a question in which an output of so many tokens stands besides the text."""
        if not self.is_metered or self.card is None:
            return
        more = -(-output_tokens * self.card.input_per_mtok // TOKENS_PER_PRICE)
        self.total += request_bound(request, self.card, self.deployment) + more


def judges_for(scorers: Iterable[ModelJudge], payer: Namespace) -> list[Deployment]:
    """Return the judges that the payer may ask. At most one query."""
    names = {judge for scorer in scorers for judge in scorer.judges}
    if not names:
        return []
    deployments = callable_deployments(to=payer).filter(slug__in=names)
    return list(deployments.select_related("model").order_by("slug"))


def bound_judges(
    scorers: Iterable[ModelJudge],
    outputs: Iterable[tuple[Item, int]],
    *,
    judges: Iterable[Deployment],
    cards: Mapping[int, PriceCard],
    repeats: int = 1,
) -> list[CostPart]:
    """Return the most that each judge costs for the outputs: an item and the output's tokens each.

    `judges` are those that the payer may ask, `cards` their prices. Another judge costs nothing,
    and its samples are unscored.
    """
    scorers = list(scorers)
    asked = {one.slug: _Judge(one, cards.get(one.pk)) for one in judges}
    for item, tokens in outputs if asked else ():
        values = {name: text_of(value) for name, value in item.scorer_input.items()}
        for scorer in scorers:
            for question in scorer.questions(_MARK, item.target, values, delimiter="0" * 16):
                judge = asked.get(question.judge)
                if judge is not None:
                    shown = sum(one["content"].count(_MARK) for one in question.messages)
                    request = ModelRequest(
                        messages=question.messages, max_output_tokens=scorer.max_output_tokens
                    )
                    judge.add(request, shown * tokens)
    return [
        CostPart(
            role=JUDGE,
            deployment=slug,
            total=judge.total * repeats,
            is_metered=judge.is_metered,
            is_priced=not judge.is_metered or judge.card is not None,
        )
        for slug, judge in sorted(asked.items())
    ]
