"""What the bounds of runs are computed from, read at once for all runs that are asked about.

A page asks for the bounds of several models, or of all cells of a grid: the number of its queries
must not grow with them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.core.cache import caches
from django.db.models import Q

from plumbmark.accounts.models import Namespace
from plumbmark.gateway.calls.policy import current_price_cards
from plumbmark.gateway.models import Deployment, PriceCard
from tasks_app.kinds import CostBound, kind_of
from tasks_app.models import Contender, Item, TaskVersion
from tasks_app.runs import stored_bounds


@dataclass(frozen=True, slots=True)
class BoundRequest:
    """A run whose bound is asked for: of the first `items`, or of those at `positions`, once each.

    The contender has a deployment with its model.
    """

    version: TaskVersion
    contender: Contender
    payer: Namespace
    items: int
    positions: Sequence[int] | None = None

    @property
    def deployment(self) -> Deployment:
        deployment = self.contender.deployment
        assert deployment is not None
        return deployment


@dataclass(frozen=True, slots=True)
class BoundInputs:
    """Rows that bounds are computed from."""

    auxiliary: Mapping[str, Deployment]
    """Active deployments that the versions name, by their slugs."""
    cards: Mapping[int, PriceCard]
    """Current prices by deployment; none where none is known."""
    items: Mapping[int, Mapping[int, Item]]
    """By version and position, where they are few."""
    stored: dict[str, CostBound] = field(default_factory=dict)

    def judges(self, names: Iterable[str], payer: Namespace) -> list[Deployment]:
        """Return the named deployments that the payer may ask, by their names."""
        found = [self.auxiliary[name] for name in sorted(set(names)) if name in self.auxiliary]
        return [one for one in found if one.owner_id in {None, payer.pk}]

    def items_of(self, request: BoundRequest) -> Iterable[Item]:
        """Return the items of a run in their order."""
        version = request.version
        if request.positions is not None:
            positions: Iterable[int] = sorted(set(request.positions))
        elif request.items < stored_bounds.MIN_ITEMS:
            positions = range(request.items)
        else:
            rows = Item.objects.filter(version=version, position__lt=request.items)
            return rows.order_by("position").iterator(chunk_size=500)
        known = self.items.get(version.pk, {})
        return [known[one] for one in positions if one in known]


def read_bound_inputs(requests: Sequence[BoundRequest]) -> BoundInputs:
    """Read what the bounds of these runs are computed from, in at most four queries."""
    names = {name for one in requests for name in kind_of(one.version).auxiliary_slugs}
    auxiliary: dict[str, Deployment] = {}
    if names:
        rows = Deployment.objects.filter(slug__in=names, is_active=True).select_related("model")
        auxiliary = {one.slug: one for one in rows}
    asked = {one.deployment.pk for one in requests} | {one.pk for one in auxiliary.values()}
    inputs = BoundInputs(auxiliary, current_price_cards(asked), _read_few_items(requests))
    keys = [kind_of(one.version).bound_key(one, inputs) for one in requests]
    if any(keys):
        found = caches["default"].get_many([key for key in keys if key])
        inputs.stored.update({k: one for k, one in found.items() if isinstance(one, CostBound)})
    return inputs


def _read_few_items(requests: Sequence[BoundRequest]) -> dict[int, dict[int, Item]]:
    """Return the items of all runs that ask few; the rest are read as they are needed."""
    wanted = Q()
    for one in requests:
        if kind_of(one.version).runs_program:
            continue
        if one.positions is not None:
            wanted |= Q(version=one.version, position__in=list(one.positions))
        elif one.items < stored_bounds.MIN_ITEMS:
            wanted |= Q(version=one.version, position__lt=one.items)
    found: dict[int, dict[int, Item]] = {}
    if wanted:
        for item in Item.objects.filter(wanted).iterator():
            found.setdefault(item.version_id, {})[item.position] = item
    return found
