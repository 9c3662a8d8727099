from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from plumbmark.accounts import profile_sections
from plumbmark.accounts.models import ApiToken, Namespace, User
from plumbmark.accounts.profile_sections import (
    ProfileSection,
    add_profile_section,
)
from plumbmark.accounts.tokens import issue_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(open_account: Any) -> User:
    user: User = open_account("ada", display_name="Ada Lovelace")
    return user


@pytest.fixture
def as_ada(client: Client, ada: User) -> Client:
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_profile_shows_name_and_bio_without_the_address(client: Client, ada: User) -> None:
    Namespace.objects.update(bio="**bold** <script>alert(1)</script>")

    page = client.get("/people/ada/").content.decode()

    assert "Ada Lovelace" in page
    assert "<strong>bold</strong>" in page
    assert "<script>alert" not in page
    assert ada.email not in page


def test_a_handle_in_another_case_leads_to_the_profile(client: Client, ada: User) -> None:
    answer = client.get("/people/ADA/")

    assert answer.status_code == 301
    assert answer.headers["Location"] == ada.namespace.get_absolute_url()


@pytest.fixture
def section_of_another_app() -> Iterator[None]:
    before = dict(profile_sections._makers)
    add_profile_section(
        "tasks",
        lambda namespace, viewer: ProfileSection(
            "Tasks", "components/empty.html", {"title": namespace.handle}, count=3
        ),
        order=10,
    )
    add_profile_section("silent", lambda namespace, viewer: None, order=5)
    yield
    profile_sections._makers.clear()
    profile_sections._makers.update(before)


@pytest.mark.usefixtures("section_of_another_app")
def test_apps_above_add_sections_to_profiles(client: Client, ada: User) -> None:
    page = client.get("/people/ada/").content.decode()

    assert 'id="section-1">Tasks' in page
    assert "Nothing public yet" not in page


def test_a_person_edits_their_profile(as_ada: Client) -> None:
    as_ada.post("/settings/profile/", {"display_name": "A. L.", "bio": "Numbers."})

    assert "A. L." in as_ada.get("/people/ada/").content.decode()


def test_the_secret_of_a_token_is_shown_once(as_ada: Client, ada: User) -> None:
    answer = as_ada.post(
        "/settings/tokens/new/", {"name": "laptop", "scopes": ["read"], "lifetime": "30"}
    )

    secret = answer.context["issued"].secret
    assert secret in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    later = as_ada.get("/settings/tokens/").content.decode()
    assert secret not in later
    assert secret[:12] in later
    assert ApiToken.objects.get().expires_at is not None


def test_a_token_without_scope_is_refused_with_the_place(as_ada: Client) -> None:
    answer = as_ada.post("/settings/tokens/new/", {"name": "laptop", "lifetime": "30"})

    assert answer.status_code == 422
    assert 'id="id_scopes_error"' in answer.content.decode()


def test_nobody_sees_or_revokes_the_token_of_another(as_ada: Client, open_account: Any) -> None:
    theirs = issue_token(
        user=open_account("grace"), name="secret plan", scopes=["read"], expires_at=None
    ).token

    assert "secret plan" not in as_ada.get("/settings/tokens/").content.decode()
    refused = as_ada.post(f"/settings/tokens/{theirs.public_id}/revoke/")
    assert refused.status_code == 404
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


@pytest.mark.parametrize("page", ["/settings/", "/settings/tokens/", "/accounts/email/"])
def test_settings_ask_to_sign_in(client: Client, page: str) -> None:
    answer = client.get(page)

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


def test_the_administration_never_shows_a_digest_and_makes_no_tokens(
    client: Client, open_account: Any
) -> None:
    staff = open_account("keeper", is_administrator=True)
    token = issue_token(user=staff, name="laptop", scopes=["read"], expires_at=None).token
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")

    detail = client.get(f"/admin/accounts/apitoken/{token.pk}/change/")

    assert detail.status_code == 200
    assert token.digest not in detail.content.decode()
    assert client.get("/admin/accounts/apitoken/add/").status_code == 403


def test_the_administration_opens_accounts_with_their_namespace(
    client: Client, open_account: Any
) -> None:
    staff = open_account("keeper", is_administrator=True)
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post(
        "/admin/accounts/user/add/",
        {"email": "new@example.org", "handle": "newcomer", "password": "long enough words"},
    )

    assert answer.status_code == 302, answer.content.decode()
    assert User.objects.get(email="new@example.org").namespace.handle == "newcomer"


def test_the_administration_has_no_sign_in_of_its_own(client: Client, open_account: Any) -> None:
    open_account("keeper", is_administrator=True)

    answer = client.post("/admin/login/", {"username": "keeper@example.org", "password": "wrong"})

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


def test_the_administration_is_closed_to_others(as_ada: Client) -> None:
    assert as_ada.get("/admin/").status_code == 302
    assert as_ada.get("/admin/login/").status_code == 403
