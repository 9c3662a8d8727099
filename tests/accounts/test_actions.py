from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from plumbmark.accounts import actions
from plumbmark.accounts.models import Namespace, User
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from plumbmark.common.models import AuditEvent

pytestmark = pytest.mark.django_db


def test_an_account_is_a_user_with_a_namespace_and_an_audit_event() -> None:
    user = actions.open_account(email="Ada@Example.org", password="secret words", handle="Ada")

    assert user.email == "ada@example.org"
    assert user.namespace.handle == "ada"
    assert AuditEvent.objects.get().action == "account.opened"


@pytest.mark.parametrize("handle", ["a", "-ada", "ada-", "a--b", "ada lovelace", "adä", "x" * 40])
def test_a_malformed_handle_is_refused(handle: str) -> None:
    with pytest.raises(InvalidInput):
        actions.open_account(email="ada@example.org", password="secret words", handle=handle)

    assert not User.objects.exists()


@pytest.mark.parametrize("handle", ["admin", "API", "benchmarks", "settings", "me"])
def test_a_reserved_handle_is_refused_with_a_suggestion(handle: str) -> None:
    with pytest.raises(Conflict, match=f"{handle.lower()}-2") as caught:
        actions.open_account(email="ada@example.org", password="secret words", handle=handle)

    assert caught.value.code == "handle-taken"


def test_a_handle_is_unique_in_any_case(open_account: Any) -> None:
    open_account("ada")

    with pytest.raises(Conflict, match="“ada-2” is free"):
        open_account("ADA", email="other@example.org")

    assert Namespace.objects.count() == 1


def test_an_address_opens_one_account(open_account: Any) -> None:
    open_account("ada", email="ada@example.org")

    with pytest.raises(actions.EmailTaken):
        open_account("grace", email="ADA@example.org")

    assert not Namespace.objects.filter(handle="grace").exists()


def test_nobody_edits_the_profile_of_another(open_account: Any) -> None:
    ada, grace = open_account("ada"), open_account("grace")

    with pytest.raises(NotAllowed):
        actions.edit_profile(namespace=ada.namespace, display_name="x", bio="", by=grace)


def test_sign_ups_that_nobody_confirmed_are_forgotten_after_three_days(open_account: Any) -> None:
    from allauth.account.models import EmailAddress

    confirmed = open_account("ada")
    fresh = open_account("fresh", is_confirmed=False)
    stale = open_account("stale", is_confirmed=False)
    for user in (fresh, stale):
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
    old = timezone.now() - actions.UNCONFIRMED_KEPT - timedelta(minutes=1)
    User.objects.filter(pk__in=[confirmed.pk, stale.pk]).update(date_joined=old)

    forgotten = actions.forget_unconfirmed_accounts()

    assert forgotten == 1
    assert set(Namespace.objects.values_list("handle", flat=True)) == {"ada", "fresh"}
