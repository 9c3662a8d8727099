"""Changes of connections to providers: each step is checked, tested where a key is involved, and
written to the audit trail.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from django.db import transaction

from plumbmark.accounts.models import Namespace, User
from plumbmark.common import audit, clock
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.common.outbox import record_event
from plumbmark.gateway import actions
from plumbmark.gateway.calls.policy import current_price_card
from plumbmark.gateway.catalogue.base_urls import BadBaseUrl, check_base_url
from plumbmark.gateway.catalogue.credentials import (
    erase_secret,
    is_secret,
    put_secret,
    secret_of,
)
from plumbmark.gateway.catalogue.price_data import match_price
from plumbmark.gateway.connections.listing import (
    ListedModel,
    ProviderAddress,
    is_upstream_id,
    list_models,
)
from plumbmark.gateway.connections.offers import VARIABLES, variable_of
from plumbmark.gateway.connections.permissions import can_connect_for
from plumbmark.gateway.connections.providers import (
    KINDS,
    KeyNeed,
    ProviderKind,
    kind_at,
)
from plumbmark.gateway.models import (
    CatalogueModel,
    Credential,
    Deployment,
    PriceCard,
    ProviderConnection,
)

MAX_CONNECTIONS = 50
"""Of one person or team."""
MAX_MODELS = 1000
"""Of one connection."""
MAX_KEY_CHARACTERS = 500
_MAX_SLUG = 40
_OWN_PREFIX = "own"
"""Begins the slugs of the deployments of people and teams, so that they take none of the
platform's.
"""


def _allow(by: User | None, owner: Namespace | None) -> None:
    # None: the platform itself, from the command line.
    if by is not None and not can_connect_for(by, owner):
        raise NotAllowed("You may not change this provider.")


def _bad(message: str, path: str) -> InvalidInput:
    return InvalidInput([Problem(message, path)])


@dataclass(frozen=True, slots=True)
class NewProvider:
    """A provider as somebody entered it. The key is no part of its repr."""

    kind: ProviderKind
    name: str
    base_url: str
    key: str
    models_are_typed: bool = False
    """Connect without reading a list: the names of the models are typed in."""
    is_in_environment: bool = False
    """The key is in the environment variable of `offers.VARIABLES`, and is read there each time."""

    def __repr__(self) -> str:
        return f"NewProvider({self.kind.name}, {self.base_url})"


def connect_provider(
    *, new: NewProvider, owner: Namespace | None, by: User | None
) -> ProviderConnection:
    """Test a provider and store it with its list of models; nothing is stored if the test fails.

    Raises `InvalidInput` for what was entered and `ProviderUnreadable` for what the provider
    answers. No model can be called before it is chosen.
    """
    _allow(by, owner)
    kind, key, variable = new.kind, new.key, ""
    if new.is_in_environment:
        variable = _variable_with_key(kind, owner)
        key = os.environ[variable].strip()
    key = _checked_key(kind, key)
    name = " ".join(new.name.split()) or str(kind.label)
    if len(name) > 80 or not name.isprintable():
        raise _bad("has at most 80 printable characters", "name")
    try:
        base_url = check_base_url(new.base_url or kind.address, is_users=owner is not None)
    except BadBaseUrl as error:
        raise _bad(error.message, "base_url") from error
    if len(base_url) > 300:
        raise _bad("has at most 300 characters", "base_url")
    if ProviderConnection.objects.filter(owner=owner).count() >= MAX_CONNECTIONS:
        raise Conflict(f"There are {MAX_CONNECTIONS} providers already; that is the most.")
    listed: list[ListedModel] = []
    is_listed = kind.lists_models and not new.models_are_typed
    if is_listed:
        at = ProviderAddress(base_url, kind.wire_format, owner is not None, kind.key_path)
        listed = list_models(at, key)
    with transaction.atomic():
        credential = None
        if key:
            credential = Credential(name=name, owner=owner, environment_variable=variable)
            if not variable:
                put_secret(credential, key)
            credential.save()
        connection = ProviderConnection.objects.create(
            name=name,
            slug=_free_slug(name, owner),
            owner=owner,
            kind=kind.name,
            wire_format=kind.wire_format,
            base_url=base_url,
            credential=credential,
            listed_models=[asdict(model) for model in listed],
            listed_at=clock.now() if is_listed else None,
        )
        audit.record(
            "provider.connect", _thing(connection), by=by, kind=kind.name, base_url=base_url
        )
    return connection


def _variable_with_key(kind: ProviderKind, owner: Namespace | None) -> str:
    """Return the variable of this process that has the platform's key."""
    if owner is not None:
        raise _bad("is for the platform alone", "key_in_environment")
    variable = variable_of(kind)
    if not variable:
        known = ", ".join(VARIABLES.values())
        raise _bad(
            f"no variable has a key for {kind.label}; those that are read are {known}",
            "key_in_environment",
        )
    return variable


def connection_at_address(
    *, slug: str, wire_format: str, base_url: str, credential: Credential | None
) -> ProviderConnection:
    """Return the platform's connection to this address with this credential, made if it is missing.

    For the command line: the caller has checked the address.
    """
    found = ProviderConnection.objects.filter(
        owner=None, wire_format=wire_format, base_url=base_url, credential=credential
    ).first()
    if found is not None:
        return found
    connection = ProviderConnection.objects.create(
        name=slug[:80],
        slug=_free_slug(slug, None),
        kind=kind_at(base_url, wire_format).name,
        wire_format=wire_format,
        base_url=base_url,
        credential=credential,
    )
    audit.record("provider.connect", _thing(connection), by=None, base_url=base_url)
    return connection


def _checked_key(kind: ProviderKind, raw: str) -> str:
    key = raw.strip()
    if not key and kind.key == KeyNeed.REQUIRED:
        raise _bad("is needed for this provider", "key")
    if len(key) > MAX_KEY_CHARACTERS or (key and not is_secret(key)):
        raise _bad("contains spaces or characters that no key has; copy it again", "key")
    return key


def _free_slug(name: str, owner: Namespace | None) -> str:
    base = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[: _MAX_SLUG - 4] or "provider"
    if base == _OWN_PREFIX:
        base = f"{base}-provider"
    taken = set(
        ProviderConnection.objects.filter(owner=owner, slug__startswith=base).values_list(
            "slug", flat=True
        )
    )
    slug, number = base, 2
    while slug in taken:
        slug, number = f"{base}-{number}", number + 1
    return slug


def _thing(connection: ProviderConnection) -> str:
    return f"provider:{connection.public_id}"


def kind_of(connection: ProviderConnection) -> ProviderKind:
    """Return the kind of a connection."""
    return KINDS.get(connection.kind, KINDS["other"])


def _address_of(connection: ProviderConnection) -> ProviderAddress:
    return ProviderAddress(
        connection.base_url,
        connection.wire_format,
        connection.owner_id is not None,
        kind_of(connection).key_path,
    )


def _store_list(connection: ProviderConnection, listed: Sequence[ListedModel]) -> None:
    connection.listed_models = [asdict(model) for model in listed]
    connection.listed_at = clock.now()
    connection.save(update_fields=["listed_models", "listed_at"])


def refresh_models(*, connection: ProviderConnection, by: User | None) -> ProviderConnection:
    """Read the provider's list again with the stored key.

    Raises `ProviderUnreadable` if it cannot be had; the list of before stays.
    """
    _allow(by, connection.owner)
    check_base_url(connection.base_url, is_users=connection.owner_id is not None)
    secret = secret_of(connection.credential) if connection.credential else ""
    listed = list_models(_address_of(connection), secret)
    with transaction.atomic():
        _store_list(connection, listed)
        audit.record("provider.refresh", _thing(connection), by=by, models=len(listed))
    return connection


def rotate_key(*, connection: ProviderConnection, key: str, by: User | None) -> ProviderConnection:
    """Test a new key and put it in the place of the old one; calls use it within ten seconds.

    Raises `ProviderUnreadable` if the provider refuses it; the old key stays.
    """
    _allow(by, connection.owner)
    kind = kind_of(connection)
    key = _checked_key(kind, key)
    if not key:
        raise _bad("is missing", "key")
    check_base_url(connection.base_url, is_users=connection.owner_id is not None)
    listed = None
    # A list that was never had, such as Vertex's, is no test.
    if kind.lists_models and (connection.listed_at is not None or not connection.credential):
        listed = list_models(_address_of(connection), key)
    with transaction.atomic():
        credential = connection.credential
        is_shared = (
            credential is not None and credential.connections.exclude(pk=connection.pk).exists()
        )
        if credential is None or credential.environment_variable or is_shared:
            credential = Credential(name=connection.name, owner=connection.owner)
        put_secret(credential, key)
        credential.save()
        connection.credential = credential
        connection.save(update_fields=["credential"])
        connection.deployments.update(credential=credential)
        if listed is not None:
            _store_list(connection, listed)
        audit.record("provider.rotate_key", _thing(connection), by=by)
    return connection


def erase_key(*, connection: ProviderConnection, by: User | None) -> ProviderConnection:
    """Forget the key for good and switch the provider off; its runs and costs stay on record."""
    _allow(by, connection.owner)
    with transaction.atomic():
        switch_off(connection=connection, by=by)
        credential = connection.credential
        if credential is not None and not credential.environment_variable:
            erase_secret(credential)
            credential.save()
        audit.record("provider.erase_key", _thing(connection), by=by)
    return connection


def switch_off(*, connection: ProviderConnection, by: User | None) -> ProviderConnection:
    """Let none of its models be called any longer; calls notice within ten seconds."""
    _allow(by, connection.owner)
    if not connection.is_active:
        return connection
    with transaction.atomic():
        running = connection.deployments.filter(is_active=True)
        connection.paused_deployments = list(running.values_list("pk", flat=True))
        running.update(is_active=False)
        connection.is_active = False
        connection.save(update_fields=["is_active", "paused_deployments"])
        audit.record("provider.switch_off", _thing(connection), by=by)
    return connection


def switch_on(*, connection: ProviderConnection, by: User | None) -> ProviderConnection:
    """Let those of its models be called again that were on before it was switched off."""
    _allow(by, connection.owner)
    if connection.is_active:
        return connection
    credential = connection.credential
    if credential and not (credential.environment_variable or credential.encrypted_secret):
        raise Conflict("Its key was removed. Enter a new key first.", code="no-key")
    with transaction.atomic():
        connection.deployments.filter(pk__in=connection.paused_deployments).update(is_active=True)
        connection.paused_deployments = []
        connection.is_active = True
        connection.save(update_fields=["is_active", "paused_deployments"])
        audit.record("provider.switch_on", _thing(connection), by=by)
    return connection


def choose_models(
    *, connection: ProviderConnection, names: Iterable[str], by: User | None
) -> list[Deployment]:
    """Let exactly these models be called: add those that are missing, switch off all others.

    `names` are the provider's own; they need not be on its list. A new model gets the price of the
    price library where that knows it, or 0 if the provider is local. Returns the new deployments.
    """
    _allow(by, connection.owner)
    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if len(wanted) > MAX_MODELS:
        raise _bad(f"are {len(wanted):,}; at most {MAX_MODELS:,} are taken", "models")
    for name in wanted:
        if not is_upstream_id(name):
            raise _bad(f"{name[:60]!r} cannot be the name of a model", "models")
    if not connection.is_active:
        raise Conflict("This provider is switched off. Switch it on first.", code="provider-off")
    with transaction.atomic():
        # One at a time: two would add the same deployment twice.
        ProviderConnection.objects.select_for_update().get(pk=connection.pk)
        existing = {each.upstream_id: each for each in connection.deployments.all()}
        chosen = [existing[name].pk for name in wanted if name in existing]
        connection.deployments.exclude(pk__in=chosen).update(is_active=False)
        connection.deployments.filter(pk__in=chosen).update(is_active=True)
        added = [_add_model(connection, name, by) for name in wanted if name not in existing]
        audit.record(
            "provider.choose_models",
            _thing(connection),
            by=by,
            models=len(wanted),
            added=[each.upstream_id for each in added],
        )
    return added


def _add_model(connection: ProviderConnection, name: str, by: User | None) -> Deployment:
    kind, slug = kind_of(connection), _deployment_slug(connection, name)
    model_slug = _model_slug(connection, kind, name)
    is_own_name = model_slug == slug[:160]
    deployment = actions.add_deployment(
        slug=slug,
        provider=connection.wire_format,
        upstream_id=name,
        base_url=connection.base_url,
        credential=connection.credential,
        connection=connection,
        model_slug=model_slug,
        maker=connection.owner.handle if is_own_name and connection.owner else "",
        name=name if is_own_name else "",
        max_concurrency=kind.max_concurrency,
        by=by,
    )
    _fill_facts(deployment.model, connection, name)
    price_deployment(deployment=deployment, is_free=kind.is_local, by=by)
    return deployment


def _deployment_slug(connection: ProviderConnection, name: str) -> str:
    start = connection.slug
    if connection.owner is not None:
        start = f"{_OWN_PREFIX}/{connection.owner.handle}/{start}"
    slug = f"{start}/{name}"
    if len(slug) > 200:
        raise _bad(f"{name[:60]!r} is too long for the name of a model", "models")
    return slug


def _model_slug(connection: ProviderConnection, kind: ProviderKind, name: str) -> str:
    """Return `maker/name` of the catalogue.

    Only a provider at its one address is believed which models it has: somebody's own server must
    not appear on the page of another maker's model.
    """
    if kind.is_fixed and connection.base_url == kind.address:
        if kind.maker:
            return f"{kind.maker}/{name}"[:160]
        if "/" in name:
            return name.partition(":")[0].lower()[:160]
    return _deployment_slug(connection, name)[:160]


def _fill_facts(model: CatalogueModel, connection: ProviderConnection, name: str) -> None:
    """Fill in what the provider's list says of a model, where the catalogue does not know it."""
    if model.context_tokens is not None:
        return
    for listed in connection.listed_models:
        if listed["id"] == name and listed["context_tokens"]:
            model.context_tokens = listed["context_tokens"]
            model.save(update_fields=["context_tokens"])
            record_event("model.updated", model_id=model.pk)
            return


def price_deployment(*, deployment: Deployment, is_free: bool, by: User | None) -> PriceCard | None:
    """Give a deployment its first price: 0 if it is free, else that of the price library.

    Returns None if the library does not know it: its calls are then refused until a price is set.
    """
    if is_free:
        return actions.set_price(deployment=deployment, input_per_mtok=0, output_per_mtok=0, by=by)
    price = match_price(deployment)
    if price is None:
        return None
    return actions.set_library_price(deployment=deployment, price=price, by=by)


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """A price in nanodollars per million tokens."""

    input_per_mtok: int
    output_per_mtok: int
    cached_input_per_mtok: int | None = None


def set_prices(
    *, connection: ProviderConnection, prices: Mapping[str, ModelPrice], by: User | None
) -> int:
    """Set prices by the provider's names of models, where they differ; return how many changed."""
    _allow(by, connection.owner)
    found = {each.upstream_id: each for each in connection.deployments.filter()}
    changed = 0
    with transaction.atomic():
        for name, price in prices.items():
            deployment = found.get(name)
            if deployment is None:
                raise _bad(f"{name[:60]!r} is no model of this provider", "prices")
            card = current_price_card(deployment.pk)
            if card is not None and price == ModelPrice(
                card.input_per_mtok, card.output_per_mtok, card.cached_input_per_mtok
            ):
                continue
            actions.set_price(
                deployment=deployment,
                input_per_mtok=price.input_per_mtok,
                output_per_mtok=price.output_per_mtok,
                cached_input_per_mtok=price.cached_input_per_mtok,
                by=by,
            )
            changed += 1
    return changed
