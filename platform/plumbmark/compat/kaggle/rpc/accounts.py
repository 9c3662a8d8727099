"""Who a token is, a token for the SDK, and what is left of the quota."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from plumbmark.accounts.models import ApiToken, Namespace, User
from plumbmark.accounts.queries import tokens_of
from plumbmark.accounts.tokens import (
    TokenRejected,
    issue_token,
    revoke_token,
    token_behind,
)
from plumbmark.compat.kaggle.model_proxy import BASE
from plumbmark.compat.kaggle.rpc.calls import Answer, RpcCall
from plumbmark.compat.kaggle.rpc.messages import NANODOLLARS, lean, moment
from plumbmark.gateway.queries import PeriodQuota, quota_status

PROXY_TOKEN_NAME = "Made by “kaggle benchmarks auth”"  # noqa: S105
PROXY_TOKEN_KEPT = timedelta(hours=12)
"""It lies in a `.env` file, so it is short-lived; a working day needs one."""


@sensitive_variables()
def introspect_token(call: RpcCall) -> Answer:
    """Return whether the token in the message is valid, and whose. An invalid one is not an
    error.
    """
    secret = call.body.text("token")
    try:
        token = token_behind(secret)
    except TokenRejected:
        return {"active": False}
    namespace = Namespace.objects.filter(user=token.user_id).first()
    if namespace is None:
        return {"active": False}
    return lean(
        active=True,
        username=namespace.handle,
        scope=" ".join(token.scopes),
        exp=int(token.expires_at.timestamp()) if token.expires_at else None,
    )


@sensitive_variables()
def create_default_model_proxy_token(call: RpcCall) -> Answer:
    """Create a token that only calls models. It replaces the previous one."""
    expires_at = timezone.now() + PROXY_TOKEN_KEPT
    if call.token is not None and call.token.expires_at is not None:
        # A token that expires soon must not give longer access to models.
        expires_at = min(expires_at, call.token.expires_at)
    with transaction.atomic():
        # Of two at the same moment, the second waits, and revokes what the first has created.
        user = User.objects.select_for_update(of=("self",)).get(pk=call.user.pk)
        for earlier in tokens_of(user).filter(name=PROXY_TOKEN_NAME, revoked_at=None):
            revoke_token(token=earlier, by=user)
        issued = issue_token(
            user=user,
            name=PROXY_TOKEN_NAME,
            scopes=[ApiToken.Scope.GATEWAY.value],
            expires_at=expires_at,
        )
    return {
        "token": issued.secret,
        "baseUri": f"{settings.GATEWAY_URL}{BASE}",
        "expiryTime": moment(expires_at),
    }


def get_model_proxy_quotas(call: RpcCall) -> Answer:
    """Return day and month of the caller's own quota, in US dollars."""
    status = quota_status(call.namespace)
    return {
        "quotaBalances": [_balance(status.day, "DAILY"), _balance(status.month, "MONTHLY")],
    }


def _balance(period: PeriodQuota, name: str) -> dict[str, object]:
    return {
        # What is reserved for calls in flight cannot be spent either.
        "quotaUsed": (period.spent + period.reserved) / NANODOLLARS,
        "totalQuotaAllowed": period.cap / NANODOLLARS,
        "refillPeriod": name,
        "refillTime": moment(period.renews_at),
    }
