"""What a caller needs to know to serve calls, read from the database once and kept for a while.

A grant that is closed, a deployment that is switched off and a price that changes therefore take
effect within `KEPT_SECONDS`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce

from plumbmark.common import clock
from plumbmark.common.errors import DomainError
from plumbmark.engine.ports import CallFailure, FailureKind
from plumbmark.gateway.catalogue import base_urls
from plumbmark.gateway.catalogue.credentials import (
    CredentialUnreadable,
    secret_of,
)
from plumbmark.gateway.catalogue.prices import FixedPrices
from plumbmark.gateway.models import Deployment, Grant, PriceCard
from plumbmark.gateway.providers import provider_named
from plumbmark.gateway.providers.addresses import parse_address
from plumbmark.gateway.providers.base import ProviderAdapter, Target

KEPT_SECONDS = 10.0


class UnknownGrant(DomainError):
    status = 404
    code = "unknown-grant"


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """The terms of one grant for one deployment. `refusal` is set where no call may go out."""

    grant_id: int
    payer_id: int
    subject: str
    cap: int | None
    deployment_id: int
    provider: ProviderAdapter | None
    target: Target
    max_concurrency: int
    max_billed_output_tokens: int | None
    is_metered: bool
    price_card_id: int | None
    prices: FixedPrices | None
    refusal: CallFailure | None
    provider_name: str = ""
    deployment_name: str = ""
    """Of the platform's own; empty for one that belongs to a person or team."""
    credential_id: int | None = None
    context_tokens: int | None = None
    """The most that the model reads; None where it is not known."""
    found_schema_way: str = ""
    """The way to ask for a schema, where the gateway found that the provider knows no better."""

    @property
    def is_local(self) -> bool:
        """Answered in this process: nothing can be billed."""
        return not self.target.base_url


def current_price_card(deployment_id: int) -> PriceCard | None:
    """Return the current card: the latest, and an administrator's before the library's."""
    cards = PriceCard.objects.filter(deployment=deployment_id, valid_from__lte=clock.now())
    own = cards.filter(source=PriceCard.Source.ADMIN).order_by("-valid_from").first()
    return own or cards.order_by("-valid_from").first()


def current_price_cards(deployment_ids: Collection[int]) -> dict[int, PriceCard]:
    """Return the current card of each deployment that has one. One query."""
    if not deployment_ids:
        return {}
    cards = PriceCard.objects.filter(deployment=OuterRef("pk"), valid_from__lte=clock.now())
    newest = cards.order_by("-valid_from").values("pk")
    current = Coalesce(
        Subquery(newest.filter(source=PriceCard.Source.ADMIN)[:1]), Subquery(newest[:1])
    )
    chosen = Deployment.objects.filter(pk__in=deployment_ids).values_list(current)
    return {card.deployment_id: card for card in PriceCard.objects.filter(pk__in=chosen)}


@dataclass(frozen=True, slots=True)
class DeploymentTerms:
    """The part of the terms that is the same for all grants."""

    deployment: Deployment
    price_card_id: int | None
    prices: FixedPrices | None


def read_deployment(deployment_id: int) -> DeploymentTerms:
    """Read a deployment with its current price; two queries."""
    try:
        deployment = Deployment.objects.select_related("credential", "model").get(pk=deployment_id)
    except Deployment.DoesNotExist as error:
        raise UnknownGrant(f"There is no deployment {deployment_id} in the database.") from error
    card = current_price_card(deployment_id)
    if card is None:
        return DeploymentTerms(deployment, None, None)
    prices = FixedPrices(
        input_per_mtok=card.input_per_mtok,
        cached_input_per_mtok=card.cached_input_per_mtok,
        output_per_mtok=card.output_per_mtok,
        per_request=card.per_request,
    )
    return DeploymentTerms(deployment, card.pk, prices)


def read_policy(*, grant_id: int, terms: DeploymentTerms) -> CallPolicy:
    """Read the terms of a grant for a deployment; one query."""
    deployment, prices = terms.deployment, terms.prices
    named = Grant.deployments.through.objects.filter(
        grant_id=OuterRef("pk"), deployment_id=deployment.pk
    )
    grant = Grant.objects.annotate(names_deployment=Exists(named)).filter(pk=grant_id).first()
    if grant is None:
        raise UnknownGrant(f"There is no grant {grant_id} in the database.")
    secret, refusal = "", _refusal(grant, deployment, prices, grant.names_deployment)
    if deployment.credential is not None and refusal is None:
        try:
            secret = secret_of(deployment.credential)
        except CredentialUnreadable as error:
            refusal = _refuse(FailureKind.PROVIDER_ERROR, error.code, error.message)
    is_guarded = deployment.owner_id is not None
    if is_guarded and refusal is None:
        refusal = _private_refusal(deployment.base_url)
    return CallPolicy(
        grant_id=grant.pk,
        payer_id=grant.payer_id,
        subject=grant.subject,
        cap=grant.cap,
        deployment_id=deployment.pk,
        provider=provider_named(deployment.provider),
        target=Target(
            base_url=deployment.base_url.rstrip("/"),
            upstream_id=deployment.upstream_id,
            deadline_seconds=deployment.deadline_seconds or settings.CALL_DEADLINE_SECONDS,
            options=deployment.options,
            secret=secret,
            is_guarded=is_guarded,
        ),
        max_concurrency=deployment.max_concurrency,
        max_billed_output_tokens=deployment.max_billed_output_tokens,
        is_metered=deployment.owner_id is None,
        price_card_id=terms.price_card_id,
        prices=prices,
        refusal=refusal,
        provider_name=deployment.provider,
        deployment_name="" if deployment.owner_id else deployment.slug,
        credential_id=deployment.credential_id,
        context_tokens=deployment.model.context_tokens,
        found_schema_way=str(deployment.found_options.get("schema", "")),
    )


def store_schema_ways(found: Mapping[int, str]) -> None:
    """Store how deployments are to be asked for schemas, for all processes."""
    for deployment in Deployment.objects.filter(pk__in=found).only("found_options"):
        deployment.found_options = {**deployment.found_options, "schema": found[deployment.pk]}
        deployment.save(update_fields=["found_options"])


def _refuse(kind: FailureKind, code: str, message: str) -> CallFailure:
    return CallFailure(kind, code, message, fatal=True)


# Only a spent limit is of the kind QUOTA: a run waits for that one to renew, and for none of these.
def _refusal(
    grant: Grant, deployment: Deployment, prices: FixedPrices | None, names_deployment: bool
) -> CallFailure | None:
    if grant.revoked_at is not None:
        return _refuse(
            FailureKind.PROVIDER_ERROR, "grant-closed", f"The grant of {grant.subject} is closed."
        )
    if grant.expires_at is not None and grant.expires_at <= clock.now():
        return _refuse(
            FailureKind.PROVIDER_ERROR,
            "grant-expired",
            f"The grant of {grant.subject} ended at {grant.expires_at:%Y-%m-%d %H:%M} UTC.",
        )
    if not names_deployment:
        return _refuse(
            FailureKind.PROVIDER_ERROR,
            "deployment-not-granted",
            f"The grant of {grant.subject} does not name {deployment.slug}.",
        )
    if deployment.owner_id is not None and deployment.owner_id != grant.payer_id:
        return _refuse(
            FailureKind.PROVIDER_ERROR,
            "deployment-not-granted",
            f"{deployment.slug} belongs to someone other than the payer of {grant.subject}.",
        )
    if not deployment.is_active:
        return _refuse(
            FailureKind.PROVIDER_ERROR,
            "deployment-off",
            f"{deployment.slug} is switched off; an administrator can switch it on.",
        )
    if provider_named(deployment.provider) is None:
        return _refuse(
            FailureKind.PROVIDER_ERROR,
            "no-adapter",
            f"This version has no adapter for {deployment.get_provider_display()}.",
        )
    if deployment.owner_id is None and prices is None:
        return _refuse(
            FailureKind.PROVIDER_ERROR,
            "no-price",
            f"{deployment.slug} has no price, so its calls cannot be metered. An administrator can "
            "set one, or state that it is free.",
        )
    return None


def _private_refusal(base_url: str) -> CallFailure | None:
    """Refuse a literal private address: it never reaches the resolver, which checks all others."""
    host = urlsplit(base_url).hostname or ""
    if parse_address(host) is None or base_urls.address_rules().allows_address(host):
        return None
    return _refuse(
        FailureKind.NETWORK, "private-address", f"{host} is an address in a private network."
    )
