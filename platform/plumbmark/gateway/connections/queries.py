"""Named reads of connections: which there are, their deployments, prices and spend."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time

from django.db.models import Count, Prefetch, Q, QuerySet, Sum
from django.http import Http404

from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.queries import namespaces_acted_for_by
from plumbmark.common import clock
from plumbmark.gateway.connections.permissions import can_manage_connection
from plumbmark.gateway.models import Call, Deployment, PriceCard, ProviderConnection
from plumbmark.gateway.permissions import Visitor


@dataclass(frozen=True, slots=True)
class ProviderSpend:
    """The cost of the calls of a UTC month, in nanodollars.

    `charged` counts against quotas; `provider_cost` is what the provider bills by its price cards.
    """

    calls: int = 0
    charged: int = 0
    provider_cost: int = 0


def platform_connections() -> QuerySet[ProviderConnection]:
    """Return the connections of the platform, with the number of models that can be called."""
    return _with_counts(ProviderConnection.objects.filter(owner=None))


def connections_of(namespaces: Iterable[Namespace]) -> QuerySet[ProviderConnection]:
    """Return the connections of these people and teams."""
    return _with_counts(ProviderConnection.objects.filter(owner__in=list(namespaces)))


def _with_counts(rows: QuerySet[ProviderConnection]) -> QuerySet[ProviderConnection]:
    return rows.select_related("credential", "owner").annotate(
        models_on=Count("deployments", filter=Q(deployments__is_active=True))
    )


def manageable_connections(user: User) -> QuerySet[ProviderConnection]:
    """Return the connections that a person may change: the platform's for staff, and those of the
    namespaces that they act for.
    """
    mine = Q(owner__in=namespaces_acted_for_by(user))
    if user.is_staff:
        mine |= Q(owner=None)
    return _with_counts(ProviderConnection.objects.filter(mine))


def connection_at(public_id: str, *, to: Visitor) -> ProviderConnection:
    """Return a connection that the visitor may change; raise `Http404` for all others."""
    found = (
        ProviderConnection.objects.select_related("credential", "owner")
        .filter(public_id=public_id)
        .first()
    )
    if found is None or not can_manage_connection(to, found):
        raise Http404("No such provider.")
    return found


def deployments_of(connection: ProviderConnection) -> list[Deployment]:
    """Return the deployments of a connection with their price cards, in two queries."""
    cards = PriceCard.objects.filter(valid_from__lte=clock.now()).order_by("-valid_from")
    return list(
        connection.deployments.select_related("model")
        .prefetch_related(Prefetch("price_cards", queryset=cards, to_attr="cards_so_far"))
        .order_by("upstream_id")
    )


def current_card_of(deployment: Deployment) -> PriceCard | None:
    """Return the current card of a deployment of `deployments_of`, as
    `calls.policy.current_price_card` decides it.
    """
    cards: list[PriceCard] = deployment.cards_so_far  # type: ignore[attr-defined]
    own = (card for card in cards if card.source == PriceCard.Source.ADMIN)
    return next(own, cards[0] if cards else None)


def is_free(deployment: Deployment) -> bool:
    """Return whether a deployment of `deployments_of` has the price 0."""
    card = current_card_of(deployment)
    return card is not None and not (
        card.input_per_mtok
        or card.output_per_mtok
        or card.cached_input_per_mtok
        or card.per_request
    )


def spend_of(connections: Iterable[ProviderConnection]) -> dict[int, ProviderSpend]:
    """Return the spend of this UTC month by connection; one query. Those without calls are left
    out.
    """
    start = datetime.combine(clock.today().replace(day=1), time(), UTC)
    rows = (
        Call.objects.filter(deployment__connection__in=list(connections), started_at__gte=start)
        .values_list("deployment__connection")
        .annotate(calls=Count("pk"), charged=Sum("charged"), cost=Sum("provider_cost"))
    )
    return {
        number: ProviderSpend(calls, charged, cost)
        for number, calls, charged, cost in rows
        if number is not None
    }
