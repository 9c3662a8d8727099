import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from plumbmark.accounts.models import User

pytestmark = pytest.mark.django_db


def open_from_terminal(monkeypatch: Any, password: str, **options: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    call_command(
        "open_account", email="ada@example.org", handle="ada", stdout=io.StringIO(), **options
    )


def test_the_command_opens_an_account_that_can_sign_in_at_once(monkeypatch: Any) -> None:
    open_from_terminal(monkeypatch, "long enough words", administrator=True)

    user = User.objects.get()
    assert user.is_staff
    assert user.check_password("long enough words")
    assert user.emailaddress_set.get().verified


def test_the_command_refuses_a_weak_password(monkeypatch: Any) -> None:
    with pytest.raises(CommandError, match="too common"):
        open_from_terminal(monkeypatch, "password")

    assert not User.objects.exists()


def test_the_command_says_what_is_wrong_with_the_handle(
    monkeypatch: Any, open_account: Any
) -> None:
    open_account("ada", email="first@example.org")

    with pytest.raises(CommandError, match="“ada-2” is free"):
        open_from_terminal(monkeypatch, "long enough words")
