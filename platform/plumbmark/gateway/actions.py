"""What changes grants, prices, deployments and quotas, each in one transaction."""

from collections.abc import Collection, Iterable
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from plumbmark.accounts.models import ApiToken, Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.common import audit, clock
from plumbmark.common.errors import Conflict, DomainError, NotAllowed
from plumbmark.common.outbox import record_event
from plumbmark.gateway.budget.ledger import limits_of
from plumbmark.gateway.catalogue.base_urls import check_base_url
from plumbmark.gateway.catalogue.price_data import MatchedPrice
from plumbmark.gateway.models import (
    Budget,
    CatalogueModel,
    Credential,
    Deployment,
    Exchange,
    Grant,
    PriceCard,
    ProviderConnection,
    QuotaPolicy,
)
from plumbmark.gateway.permissions import can_manage_deployments
from plumbmark.gateway.providers.baseline import PROGRAMS
from plumbmark.gateway.storage.withholding import withhold

SUBJECT_CHARACTERS = 120


def open_grant(
    *,
    payer: Namespace,
    subject: str,
    deployments: Iterable[Deployment | int],
    cap: int | None = None,
    expires_at: datetime | None = None,
) -> Grant:
    """Let calls to these deployments be made at the payer's expense, up to `cap` nanodollars.

    Machinery: whoever opens one has checked that the payer may be charged for it.
    """
    if not subject or len(subject) > SUBJECT_CHARACTERS:
        raise DomainError(f"A grant's subject has 1 to {SUBJECT_CHARACTERS} characters.")
    if cap is not None and cap < 0:
        raise DomainError("A grant's cap cannot be negative.")
    with transaction.atomic():
        grant = Grant.objects.create(payer=payer, subject=subject, cap=cap, expires_at=expires_at)
        grant.deployments.set(deployments)
        if cap is not None:
            Budget.objects.create(payer=payer, kind=Budget.Kind.GRANT, grant=grant, cap=cap)
    return grant


def grant_of_token(
    *, token: ApiToken, payer: Namespace, deployments: Iterable[Deployment]
) -> Grant:
    """Return the grant for a personal token's direct calls, for exactly these models.

    There is one for each payer; only the payer's limits of day and month bound it. The caller must
    have checked that the token's person may spend for the payer. Takes two queries if nothing
    changed.
    """
    subject = f"token:{token.public_id}"
    wanted = {deployment.pk for deployment in deployments}
    grant = _latest_grant(payer, subject)
    if grant is not None and set(grant.deployments.values_list("pk", flat=True)) == wanted:
        return grant
    with transaction.atomic():
        # One process at a time: two grants for one token would be two subjects in the ledger.
        ApiToken.objects.select_for_update().get(pk=token.pk)
        grant = _latest_grant(payer, subject)
        if grant is None:
            return open_grant(payer=payer, subject=subject, deployments=wanted)
        grant.deployments.set(wanted)
    return grant


def _latest_grant(payer: Namespace, subject: str) -> Grant | None:
    # Closed ones too: closing the grant is meant to end the token's calls.
    return Grant.objects.filter(payer=payer, subject=subject).order_by("-pk").first()


def set_grant_cap(*, grant: Grant, cap: int | None) -> Grant:
    """Change the cap (nanodollars; None: no cap) from now on; processes notice within ten
    seconds.
    """
    if cap is not None and cap < 0:
        raise DomainError("A grant's cap cannot be negative.")
    with transaction.atomic():
        Grant.objects.filter(pk=grant.pk).update(cap=cap)
        grant.cap = cap
        if cap is not None:
            Budget.objects.update_or_create(
                grant=grant,
                defaults={"payer_id": grant.payer_id, "kind": Budget.Kind.GRANT, "cap": cap},
            )
    return grant


def close_grant(*, grant: Grant) -> Grant:
    """Allow no further calls; calls in flight settle. Processes notice within ten seconds."""
    now = timezone.now()
    if Grant.objects.filter(pk=grant.pk, revoked_at=None).update(revoked_at=now):
        grant.revoked_at = now
    else:
        grant.refresh_from_db(fields=["revoked_at"])
    return grant


def close_grant_by_id(grant_id: int) -> None:
    """Close a grant that the caller has not read; one query."""
    Grant.objects.filter(pk=grant_id, revoked_at=None).update(revoked_at=timezone.now())


def _allow(by: User | None) -> None:
    # None: the platform itself, from the command line.
    if by is not None and not can_manage_deployments(by):
        raise NotAllowed("Only administrators can change deployments, prices and quotas.")


def _allow_for(by: User | None, owner: Namespace | None) -> None:
    """Allow staff for the platform's deployments, and those who act for a person or team for
    theirs.
    """
    if owner is None:
        _allow(by)
    elif by is not None and not can_act_for(by, owner):
        raise NotAllowed("You may not change the deployments of this person or team.")


def add_deployment(
    *,
    slug: str,
    provider: str,
    upstream_id: str,
    base_url: str = "",
    credential: Credential | None = None,
    maker: str = "",
    name: str = "",
    connection: ProviderConnection | None = None,
    model_slug: str = "",
    max_concurrency: int = 64,
    by: User | None,
) -> Deployment:
    """Add a deployment, and its catalogue entry (`model_slug`, by default the slug) if it is
    missing. It belongs to the owner of the connection, else to the platform.
    """
    owner = connection.owner if connection is not None else None
    _allow_for(by, owner)
    if provider != Deployment.Provider.BASELINE:
        base_url = check_base_url(base_url, is_users=owner is not None)
    model_slug = (model_slug or slug)[:160]
    first, _, rest = model_slug.partition("/")
    maker, name = maker or first, name or rest or first
    with transaction.atomic():
        model, _ = CatalogueModel.objects.get_or_create(
            slug=model_slug, defaults={"maker": maker[:80], "name": name[:120]}
        )
        record_event("model.updated", model_id=model.pk)
        if Deployment.objects.filter(slug=slug).exists():
            raise Conflict(f"There is a deployment {slug} already.", code="deployment-exists")
        deployment = Deployment.objects.create(
            slug=slug,
            model=model,
            provider=provider,
            base_url=base_url,
            upstream_id=upstream_id,
            credential=credential,
            connection=connection,
            owner=owner,
            max_concurrency=max_concurrency,
        )
        audit.record("deployment.add", f"deployment:{deployment.public_id}", by=by, slug=slug)
    return deployment


def ensure_baselines() -> list[Deployment]:
    """Create the keyless baselines and their explicit price of 0 where they are missing."""
    made = []
    for program in PROGRAMS:
        slug = f"baseline/{program}"
        deployment = Deployment.objects.filter(slug=slug).first()
        if deployment is None:
            deployment = add_deployment(
                slug=slug,
                provider=Deployment.Provider.BASELINE,
                upstream_id=program,
                maker="Plumbmark",
                name=program.replace("-", " ").capitalize(),
                by=None,
            )
        if not deployment.price_cards.exists():
            set_price(deployment=deployment, input_per_mtok=0, output_per_mtok=0, by=None)
        made.append(deployment)
    return made


def set_price(
    *,
    deployment: Deployment,
    input_per_mtok: int,
    output_per_mtok: int,
    cached_input_per_mtok: int | None = None,
    per_request: int = 0,
    source: str = PriceCard.Source.ADMIN,
    matched_provider: str = "",
    matched_id: str = "",
    data_version: str = "",
    data_date: date | None = None,
    by: User | None,
) -> PriceCard:
    """Set a price from now on, in nanodollars per million tokens; 0 throughout is free.

    Earlier cards remain: calls keep the card that they were made under.
    """
    _allow_for(by, deployment.owner)
    if min(input_per_mtok, output_per_mtok, cached_input_per_mtok or 0, per_request) < 0:
        raise DomainError("A price cannot be negative.")
    with transaction.atomic():
        card = PriceCard.objects.create(
            deployment=deployment,
            valid_from=clock.now(),
            input_per_mtok=input_per_mtok,
            cached_input_per_mtok=cached_input_per_mtok,
            output_per_mtok=output_per_mtok,
            per_request=per_request,
            source=source,
            matched_provider=matched_provider[:80],
            matched_id=matched_id[:200],
            data_version=data_version[:80],
            data_date=data_date,
        )
        audit.record(
            "price.set",
            f"deployment:{deployment.public_id}",
            by=by,
            input_per_mtok=str(input_per_mtok),
            output_per_mtok=str(output_per_mtok),
            source=source,
        )
    return card


def set_library_price(*, deployment: Deployment, price: MatchedPrice, by: User | None) -> PriceCard:
    """Set a price matched in the price data library, and record what was matched."""
    return set_price(
        deployment=deployment,
        input_per_mtok=price.input_per_mtok,
        cached_input_per_mtok=price.cached_input_per_mtok,
        output_per_mtok=price.output_per_mtok,
        per_request=price.per_request,
        source=PriceCard.Source.LIBRARY,
        matched_provider=price.matched_provider,
        matched_id=price.matched_id,
        data_version=price.data_version,
        data_date=price.data_date,
        by=by,
    )


def set_quota(
    *,
    namespace: Namespace | None,
    day_cap: int,
    month_cap: int,
    note: str = "",
    by: User | None,
) -> QuotaPolicy:
    """Set the limits of a namespace (None: the default for all others), in nanodollars, from now
    on.

    The current periods get the new caps too, so that a raise helps at once.
    """
    _allow(by)
    if day_cap < 0 or month_cap < 0:
        raise DomainError("A limit cannot be negative.")
    with transaction.atomic():
        policy, _ = QuotaPolicy.objects.update_or_create(
            namespace=namespace,
            defaults={"day_cap": day_cap, "month_cap": month_cap, "note": note[:200]},
        )
        apply_quota(namespace=namespace)
        thing = f"namespace:{namespace.public_id}" if namespace else "quota:default"
        audit.record(
            "quota.set", thing, by=by, day_cap=str(day_cap), month_cap=str(month_cap), note=note
        )
    return policy


def apply_quota(*, namespace: Namespace | None) -> None:
    """Bring the running periods to the limits that hold now."""
    today = clock.today()
    running = Budget.objects.filter(
        grant=None, period_start__in=[today, today.replace(day=1)]
    ).order_by("pk")
    if namespace is not None:
        running = running.filter(payer=namespace)
    for budget in running:
        is_current_day = budget.kind == Budget.Kind.DAY and budget.period_start == today
        is_current_month = budget.kind == Budget.Kind.MONTH
        if is_current_day or is_current_month:
            day_cap, month_cap = limits_of(budget.payer_id)
            cap = day_cap if budget.kind == Budget.Kind.DAY else month_cap
            Budget.objects.filter(pk=budget.pk).update(cap=cap)


def withhold_exchanges(*, grant_ids: Collection[int], reason: str) -> int:
    """Replace what calls of these grants sent and received by a reason; return how many.

    The calls, their costs and the hashes of their exchanges stay. The caller has checked who may.
    """
    return withhold(Exchange.objects.filter(call__grant__in=grant_ids), reason=reason)


def reopen_grant(*, grant: Grant) -> Grant:
    """Let a closed grant be used again, under the same cap: its work goes on."""
    Grant.objects.filter(pk=grant.pk).update(revoked_at=None)
    grant.revoked_at = None
    return grant
