"""Weak passwords at every door where one is set."""

import io
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client

from plumbmark.accounts import actions
from plumbmark.accounts.first_administrator import administrator_link
from plumbmark.accounts.models import User
from plumbmark.accounts.passwords import password_rule
from plumbmark.common.errors import InvalidInput

pytestmark = pytest.mark.django_db

OLD = "correct horse battery staple"
RULE = "At least 10 characters."
WEAK = {
    "password12": "too common",
    "1234567890": "entirely numeric",
    "82736451908273": "entirely numeric",
    "kx7!vQ2#m": "at least 10 characters",
    "marguerite@example.org": "too similar to the e-mail address",
    "Quillfeather-1": "too similar to the handle",
}
STRONG = "kx7!vQ2#mZ"
PERSON = {"email": "marguerite@example.org", "handle": "quillfeather"}

Door = Callable[[str], str]


@pytest.fixture
def sign_up() -> Door:
    """Return ways in: each tries a password and returns what it says about it."""

    def knock(password: str) -> str:
        answer = Client().post("/accounts/signup/", {**PERSON, "password1": password})
        return answer.content.decode()

    return knock


@pytest.fixture
def marguerite(open_account: Any) -> User:
    user: User = open_account(**PERSON)
    return user


@pytest.fixture
def change(marguerite: User) -> Door:
    def knock(password: str) -> str:
        client = Client()
        client.force_login(marguerite, backend="django.contrib.auth.backends.ModelBackend")
        fields = {"oldpassword": OLD, "password1": password, "password2": password}
        return client.post("/accounts/password/change/", fields).content.decode()

    return knock


@pytest.fixture
def reset(marguerite: User) -> Door:
    def knock(password: str) -> str:
        client = Client()
        client.post("/accounts/password/reset/", {"email": marguerite.email})
        link = re.search(r"/accounts/password/reset/key/\S+", str(mail.outbox[-1].body))
        assert link is not None
        address = client.get(link[0], follow=True).redirect_chain[-1][0]
        fields = {"password1": password, "password2": password}
        return client.post(address, fields).content.decode()

    return knock


@pytest.fixture
def first_administrator() -> Door:
    def knock(password: str) -> str:
        link = administrator_link()
        assert link is not None
        return Client().post(urlsplit(link).path, {**PERSON, "password": password}).content.decode()

    return knock


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Door:
    def knock(password: str) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        try:
            call_command("open_account", **PERSON, stdout=io.StringIO())
        except CommandError as error:
            return str(error)
        return ""

    return knock


@pytest.fixture
def keeper(open_account: Any) -> Client:
    client = Client()
    staff = open_account("keeper", is_administrator=True)
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def administration_new(keeper: Client) -> Door:
    def knock(password: str) -> str:
        answer = keeper.post("/admin/accounts/user/add/", {**PERSON, "password": password})
        return answer.content.decode()

    return knock


@pytest.fixture
def administration_change(keeper: Client, marguerite: User) -> Door:
    def knock(password: str) -> str:
        page = f"/admin/accounts/user/{marguerite.pk}/password/"
        fields = {"password1": password, "password2": password, "usable_password": "true"}
        fields["set-password"] = "Change password"
        return keeper.post(page, fields).content.decode()

    return knock


@pytest.fixture
def action() -> Door:
    def knock(password: str) -> str:
        try:
            actions.open_account(**PERSON, password=password)
        except InvalidInput as error:
            return error.message
        return ""

    return knock


DOORS = [
    "sign_up",
    "change",
    "reset",
    "first_administrator",
    "terminal",
    "administration_new",
    "administration_change",
    "action",
]


@pytest.mark.parametrize("door", DOORS)
def test_every_door_refuses_weak_passwords_and_takes_a_strong_one(
    door: str, request: pytest.FixtureRequest
) -> None:
    knock = request.getfixturevalue(door)

    for password, reason in WEAK.items():
        cache.clear()  # of attempts that were counted
        said = knock(password)

        assert reason in said, f"{door} about {password}: {said}"
        for user in User.objects.all():
            assert not user.check_password(password), f"{door} took {password}"

    cache.clear()
    knock(STRONG)

    assert User.objects.get(email=PERSON["email"]).check_password(STRONG)


def test_a_name_that_others_see_is_no_password(change: Door, marguerite: User) -> None:
    marguerite.namespace.display_name = "Wilhelmina Lovelace"
    marguerite.namespace.save()

    assert "too similar to the display name" in change("wilhelmina-lovelace")


def test_the_command_of_django_sets_no_weak_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "password12")

    with pytest.raises((CommandError, ValidationError), match="too common"):
        call_command("createsuperuser", interactive=False, email="root@example.org")

    assert not User.objects.exists()


def test_every_form_says_the_rule_before_anybody_presses_a_button(
    keeper: Client, open_account: Any
) -> None:
    assert password_rule().startswith(RULE)
    pages = ["/accounts/password/change/", "/admin/accounts/user/add/"]
    for page in pages:
        assert RULE in keeper.get(page).content.decode(), page
    assert RULE in Client().get("/accounts/signup/").content.decode()
    changing = f"/admin/accounts/user/{User.objects.get().pk}/password/"
    assert "at least 10 characters" in keeper.get(changing).content.decode()
    User.objects.update(is_staff=False)
    link = administrator_link()
    assert link is not None
    assert RULE in Client().get(urlsplit(link).path).content.decode()
    ada = Client()
    open_account("ada")
    ada.post("/accounts/password/reset/", {"email": "ada@example.org"})
    key = re.search(r"/accounts/password/reset/key/\S+", str(mail.outbox[-1].body))
    assert key is not None
    assert RULE in ada.get(key[0], follow=True).content.decode()
