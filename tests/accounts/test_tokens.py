from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from plumbmark.accounts import tokens
from plumbmark.accounts.models import ApiToken
from plumbmark.accounts.tokens import TokenRejected, issue_token, token_behind
from plumbmark.common.errors import InvalidInput, NotAllowed

pytestmark = pytest.mark.django_db


@pytest.fixture
def issued(open_account: Any) -> tokens.IssuedToken:
    return issue_token(user=open_account("ada"), name="laptop", scopes=["read"], expires_at=None)


def test_the_secret_opens_its_token_and_is_stored_nowhere(issued: tokens.IssuedToken) -> None:
    row = ApiToken.objects.values().get()

    assert token_behind(issued.secret) == issued.token
    assert issued.secret not in str(row)
    assert issued.secret.startswith("pmk_")
    assert len(issued.secret) == 50


@pytest.mark.parametrize("position", [4, 20, 43, 49])
def test_a_typo_anywhere_is_told_without_a_look_up(
    issued: tokens.IssuedToken, position: int, django_assert_num_queries: Any
) -> None:
    wrong = "A" if issued.secret[position] != "A" else "B"
    typo = issued.secret[:position] + wrong + issued.secret[position + 1 :]

    with django_assert_num_queries(0), pytest.raises(TokenRejected, match="Copy all of it"):
        token_behind(typo)


def test_a_well_formed_but_unknown_secret_is_rejected() -> None:
    with pytest.raises(TokenRejected, match="unknown"):
        token_behind(tokens.new_secret())


def test_an_expired_token_is_rejected(issued: tokens.IssuedToken) -> None:
    past = timezone.now() - timedelta(seconds=1)
    ApiToken.objects.filter(pk=issued.token.pk).update(expires_at=past)

    with pytest.raises(TokenRejected, match="expired"):
        token_behind(issued.secret)


def test_a_revoked_token_is_rejected(issued: tokens.IssuedToken) -> None:
    tokens.revoke_token(token=issued.token, by=issued.token.user)

    with pytest.raises(TokenRejected, match="revoked"):
        token_behind(issued.secret)


def test_the_token_of_a_closed_account_is_rejected(issued: tokens.IssuedToken) -> None:
    issued.token.user.is_active = False
    issued.token.user.save()

    with pytest.raises(TokenRejected, match="closed"):
        token_behind(issued.secret)


def test_use_is_noted_once_in_a_while_and_not_with_each_request(
    issued: tokens.IssuedToken, django_assert_num_queries: Any
) -> None:
    token_behind(issued.secret)
    first = ApiToken.objects.get().last_used_at

    with django_assert_num_queries(1):
        token_behind(issued.secret)

    assert first is not None
    assert ApiToken.objects.get().last_used_at == first


def test_an_old_use_is_noted_anew(issued: tokens.IssuedToken) -> None:
    old = timezone.now() - tokens.USE_NOTED_EVERY - timedelta(seconds=1)
    ApiToken.objects.update(last_used_at=old)

    token_behind(issued.secret)

    assert ApiToken.objects.get().last_used_at > old


def test_every_problem_of_a_new_token_is_told_at_once(open_account: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        issue_token(
            user=open_account(),
            name=" ",
            scopes=["fly"],
            expires_at=timezone.now() - timedelta(days=1),
        )

    assert {problem.path for problem in caught.value.problems} == {"name", "scopes", "expires_at"}


def test_nobody_revokes_the_token_of_another(issued: tokens.IssuedToken, open_account: Any) -> None:
    with pytest.raises(NotAllowed):
        tokens.revoke_token(token=issued.token, by=open_account("grace"))
