import re
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from plumbmark.accounts.models import Namespace, User

pytestmark = pytest.mark.django_db

NEW = {"email": "ada@example.org", "handle": "ada", "password1": "long enough words"}


def confirmation_link() -> str:
    found = re.search(r"http://[^/]+(/accounts/confirm-email/\S+)", str(mail.outbox[-1].body))
    assert found
    return found.group(1)


def test_sign_up_opens_user_and_namespace_and_sends_a_link(client: Client) -> None:
    answer = client.post("/accounts/signup/", NEW)

    assert answer.headers["Location"] == "/accounts/confirm-email/"
    assert User.objects.get().namespace.handle == "ada"
    assert mail.outbox[0].to == ["ada@example.org"]


def test_following_the_link_signs_in_where_one_signed_up(client: Client) -> None:
    client.post("/accounts/signup/", NEW)

    answer = client.post(confirmation_link(), follow=True)

    assert answer.redirect_chain[-1][0] == "/people/ada/"
    assert answer.context["user"].is_authenticated


def test_following_the_link_elsewhere_confirms_but_does_not_sign_in(client: Client) -> None:
    client.post("/accounts/signup/", NEW)
    elsewhere = Client()

    elsewhere.post(confirmation_link())

    assert User.objects.get().emailaddress_set.get().verified
    assert "_auth_user_id" not in elsewhere.session


def test_nobody_signs_in_before_confirming(client: Client) -> None:
    client.post("/accounts/signup/", NEW)
    other = Client()

    answer = other.post("/accounts/login/", {"login": NEW["email"], "password": NEW["password1"]})

    assert answer.headers["Location"] == "/accounts/confirm-email/"
    assert "_auth_user_id" not in other.session


def test_a_taken_handle_is_told_with_a_suggestion(client: Client, open_account: Any) -> None:
    open_account("ada", email="first@example.org")

    answer = client.post("/accounts/signup/", {**NEW, "handle": "Ada"})

    assert "“ada-2” is free" in answer.content.decode()
    assert User.objects.count() == 1


def test_sign_up_does_not_tell_who_has_an_account(open_account: Any) -> None:
    open_account("somebody", email="known@example.org")
    seen = []
    for email, handle in (("known@example.org", "first-try"), ("new@example.org", "second-try")):
        stranger = Client()
        answer = stranger.post("/accounts/signup/", {**NEW, "email": email, "handle": handle})
        # What a stranger can look at afterwards: the answer, the profile, the handle.
        again = Client().post(
            "/accounts/signup/", {**NEW, "email": "third@example.org", "handle": handle}
        )
        seen.append(
            (
                answer.status_code,
                answer.headers["Location"],
                stranger.get(answer.headers["Location"]).status_code,
                Client().get(f"/people/{handle}/").status_code,
                "is taken" in again.content.decode(),
                sorted(stranger.cookies),
            )
        )

    assert seen[0] == seen[1]
    assert seen[0][3:5] == (404, True)


def test_password_reset_does_not_tell_who_has_an_account(client: Client, open_account: Any) -> None:
    open_account("ada")

    known = client.post("/accounts/password/reset/", {"email": "ada@example.org"})
    unknown = Client().post("/accounts/password/reset/", {"email": "nobody@example.org"})

    assert known.status_code == unknown.status_code == 302
    assert known.headers["Location"] == unknown.headers["Location"]


def test_the_owner_of_the_mailbox_gets_an_address_that_another_only_claimed(
    client: Client, open_account: Any
) -> None:
    from django.contrib.auth import BACKEND_SESSION_KEY

    ada = open_account("ada")
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    assert session[BACKEND_SESSION_KEY]
    client.post("/accounts/reauthenticate/", {"password": "correct horse battery staple"})
    client.post("/accounts/email/", {"action_add": "", "email": "new@example.org"})
    link = confirmation_link()
    Client().post("/accounts/signup/", {**NEW, "email": "new@example.org", "handle": "rival"})

    client.post(link)

    ada.refresh_from_db()
    assert ada.email == "new@example.org"
    assert not Namespace.objects.filter(handle="rival").exists()


def test_five_wrong_passwords_lock_the_account_out_for_a_while(
    client: Client, open_account: Any
) -> None:
    open_account("ada")
    wrong = {"login": "ada@example.org", "password": "wrong"}
    for _ in range(5):
        client.post("/accounts/login/", wrong)

    answer = client.post("/accounts/login/", {**wrong, "password": "correct horse battery staple"})

    assert "Too many failed login attempts" in answer.content.decode()
    assert "_auth_user_id" not in client.session
    cache.clear()
    assert (
        client.post(
            "/accounts/login/", {**wrong, "password": "correct horse battery staple"}
        ).status_code
        == 302
    )


def test_too_many_sign_ups_from_one_address_get_the_429_page(client: Client) -> None:
    for _ in range(20):
        client.post("/accounts/signup/", {})

    answer = client.post("/accounts/signup/", NEW)

    assert answer.status_code == 429
    assert "Too many requests" in answer.content.decode()


@pytest.mark.parametrize("page", ["login", "signup", "password/reset"])
def test_looking_at_a_page_writes_nothing(
    client: Client, page: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answer = client.get(f"/accounts/{page}/")

    assert answer.status_code == 200
    assert "sessionid" not in answer.cookies


@pytest.mark.parametrize("page", ["/help/", "/nothing-here/"])
def test_pages_without_a_form_cost_no_query_and_set_no_cookie(
    client: Client, page: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answer = client.get(page)

    assert not answer.cookies
