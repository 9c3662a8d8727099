"""Principals: from the token in a header to the grant that pays and the models it may call.

Cached for ten seconds, so that a call takes no statement; a revoked token therefore works up to ten
seconds longer. A refusal is cached for one second, so that a wrong token costs few queries. Both
caches are bounded.
"""

import asyncio
import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import Error as DatabaseError

from plumbmark.accounts.models import ApiToken, Namespace
from plumbmark.accounts.permissions import can_act_for
from plumbmark.accounts.tokens import PREFIX as PERSONAL_PREFIX
from plumbmark.accounts.tokens import (
    TokenRejected,
    is_well_formed,
    token_behind,
)
from plumbmark.common import clock
from plumbmark.common.errors import DomainError, NotAllowed
from plumbmark.gateway import actions
from plumbmark.gateway.catalogue.model_names import other_names, slugs_named
from plumbmark.gateway.http.errors import HttpError, error_of_domain
from plumbmark.gateway.http.grant_tokens import PREFIX as GRANT_PREFIX
from plumbmark.gateway.http.grant_tokens import read_grant_token
from plumbmark.gateway.models import Deployment, Grant
from plumbmark.gateway.queries import callable_deployments
from plumbmark.gateway.storage.database import DatabaseThread

T = TypeVar("T")

KEPT_SECONDS = 10.0
REFUSALS_KEPT_SECONDS = 1.0
_MAX_PRINCIPALS = 10_000


@dataclass(frozen=True, slots=True)
class CallableModel:
    """A deployment as a route needs it."""

    deployment_id: int
    slug: str
    provider: str
    maker: str
    created_at: int
    extra_body_allowed: tuple[str, ...] = ()
    """Fields of the provider's own that callers may set."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The rights that a token gives."""

    grant_id: int
    role: str
    is_private: bool
    models: Mapping[str, CallableModel]
    """By slug."""
    other_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Slugs by the other names of models."""
    expires_at: float | None = None

    def model(self, name: str) -> CallableModel:
        """Return the model of a name; raise a 404 that lists the models."""
        slugs = slugs_named(name, self.models, self.other_names)
        if len(slugs) == 1:
            return self.models[slugs[0]]
        raise HttpError(
            404, "model_not_found", self._unknown_name_message(name, slugs), param="model"
        )

    def _unknown_name_message(self, name: str, slugs: tuple[str, ...]) -> str:
        if slugs:
            return f"The name {name[:100]!r} is ambiguous; use one of {', '.join(slugs[:5])}."
        near = difflib.get_close_matches(name[:100], self.models, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        return (
            f"There is no model {name[:100]!r} that this token may call.{hint} "
            "GET /v1/models lists them."
        )


class Principals:
    """The memory of one process. Lives on the gateway's loop."""

    def __init__(self, database: DatabaseThread) -> None:
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._known: dict[bytes, tuple[float, Principal]] = {}
        self._refused: dict[bytes, tuple[float, HttpError]] = {}
        self._reading: dict[bytes, asyncio.Task[Principal]] = {}

    async def behind(self, secret: str, organisation: str = "") -> Principal:
        """Return a token's principal; raise 401 and 403. `organisation` is the team that pays."""
        if not secret:
            raise HttpError(401, "token-missing", "Send a token as “Authorization: Bearer pmk_…”.")
        key = hashlib.sha256(f"{secret}\0{organisation}".encode("utf-8", "replace")).digest()
        now = self._loop.time()
        known = self._known.get(key)
        if known is not None and known[0] > now:
            principal = known[1]
            if principal.expires_at is None or principal.expires_at > clock.timestamp():
                return principal
        refused = self._refused.get(key)
        if refused is not None and refused[0] > now:
            raise refused[1].again()
        reading = self._reading.get(key)
        if reading is None:
            reading = self._loop.create_task(self._read(key, secret, organisation))
            self._reading[key] = reading
            # Possibly no request is waiting for it any longer when it ends.
            reading.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(reading)

    async def _read(self, key: bytes, secret: str, organisation: str) -> Principal:
        try:
            principal = await self._database.run(lambda: _principal(secret, organisation))
        except DomainError as error:
            refusal = error_of_domain(error)
            _remember(self._refused, key, self._loop.time() + REFUSALS_KEPT_SECONDS, refusal)
            self._known.pop(key, None)
            raise refusal from None
        except DatabaseError:
            # As with policies: what is known stays valid while the database is unreachable.
            known = self._known.get(key)
            if known is None:
                raise
            principal = known[1]
        finally:
            self._reading.pop(key, None)
        _remember(self._known, key, self._loop.time() + KEPT_SECONDS, principal)
        return principal


def _remember(memory: dict[bytes, tuple[float, T]], key: bytes, until: float, value: T) -> None:
    # In order of time: the first ones are the oldest.
    memory.pop(key, None)
    while len(memory) >= _MAX_PRINCIPALS:
        del memory[next(iter(memory))]
    memory[key] = (until, value)


def _principal(secret: str, organisation: str) -> Principal:
    if secret.startswith(GRANT_PREFIX):
        return _of_grant(secret)
    if not secret.startswith(PERSONAL_PREFIX) or not is_well_formed(secret):
        raise TokenRejected(
            "This is not a token of this platform, or part of it is missing. Copy all of it."
        )
    token = token_behind(secret)
    if ApiToken.Scope.GATEWAY.value not in token.scopes:
        raise NotAllowed(
            "This token lacks the scope “gateway”. Make one that has it in your settings."
        )
    payer = _payer(token, organisation)
    deployments = list(callable_deployments(to=payer))
    grant = actions.grant_of_token(token=token, payer=payer, deployments=deployments)
    expires_at = token.expires_at.timestamp() if token.expires_at else None
    return _make_principal(grant, "direct", False, deployments, expires_at)


def _payer(token: ApiToken, organisation: str) -> Namespace:
    own = Namespace.objects.filter(user=token.user_id).first()
    if organisation and (own is None or organisation != own.handle):
        team = Namespace.objects.filter(handle=organisation).first()
        if team is None or not can_act_for(token.user, team):
            raise NotAllowed(
                f"You may not spend for {organisation[:60]!r}; leave the organisation out, or name "
                "a team that you are a maintainer of."
            )
        return team
    if own is None:
        raise NotAllowed("The account of this token has no name yet; choose one in its settings.")
    return own


def _of_grant(secret: str) -> Principal:
    token = read_grant_token(secret)
    grant = Grant.objects.filter(public_id=token.grant).first()
    if grant is None or grant.revoked_at is not None:
        raise TokenRejected("This token's grant is closed; the run that it belonged to is over.")
    deployments = list(grant.deployments.filter(is_active=True).select_related("model"))
    expires_at = float(token.expires_at)
    if grant.expires_at is not None:
        expires_at = min(expires_at, grant.expires_at.timestamp())
    return _make_principal(grant, "candidate", token.is_private, deployments, expires_at)


def _make_principal(
    grant: Grant,
    role: str,
    is_private: bool,
    deployments: list[Deployment],
    expires_at: float | None,
) -> Principal:
    models = {
        each.slug: CallableModel(
            each.pk,
            each.slug,
            each.provider,
            each.model.maker,
            int(each.created_at.timestamp()),
            tuple(each.options.get("extra_body_allowed", ())),
        )
        for each in deployments
    }
    return Principal(grant.pk, role, is_private, models, other_names(deployments), expires_at)
