"""Mails that tell people what was changed in their account, and what happens without a server."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as site
from django.core import mail
from django.test import Client

from plumbmark.accounts import notices
from plumbmark.accounts.jobs import send_notices
from plumbmark.accounts.models import ApiToken, Notice, User
from plumbmark.common.clock import shift_clock
from plumbmark.common.models import FailedAttempt, OutboxEvent
from tests.ports import unused_port

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"
NEW = "a new horse for the battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ELSEWHERE = "evil.example"


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    """Requests name a host of their own; the site has another address."""
    settings.ALLOWED_HOSTS = ["*"]
    settings.SITE_URL = "https://plumbmark.example"


@pytest.fixture
def ada(open_account: Any) -> User:
    user: User = open_account("ada")
    return user


@pytest.fixture
def as_ada(ada: User) -> Client:
    client = Client(HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="203.0.113.9", HTTP_HOST=ELSEWHERE)
    client.post("/accounts/login/", {"login": ada.email, "password": PASSWORD})
    return client


@pytest.fixture(autouse=True)
def _links_lead_to_the_site() -> Iterator[None]:
    yield
    for sent in mail.outbox:
        links = re.findall(r"https?://[^/\s]+", str(sent.body))
        assert set(links) <= {"https://plumbmark.example"}, sent.body
        assert ELSEWHERE not in str(sent.body)


def sent_now() -> dict[str, Any]:
    """Run the job; return the mails by their recipient."""
    before = len(mail.outbox)
    send_notices()
    assert not Notice.objects.exists()
    return {one.to[0]: one for one in mail.outbox[before:]}


def new_token(client: Client, name: str = "laptop") -> Any:
    fields = {"name": name, "scopes": ["read"], "lifetime": "30"}
    return client.post("/settings/tokens/new/", fields)


def test_a_new_token_is_told_without_its_secret(as_ada: Client) -> None:
    answer = new_token(as_ada, "laptop\nhttp")
    secret = answer.context["issued"].secret

    told = sent_now()["ada@example.org"]

    assert told.subject == "A new API token"
    assert "“laptop http”" in told.body
    assert f"{secret[:12]}…" in told.body
    assert secret[:13] not in told.body
    assert "From: 203.0.113.9, Firefox on Linux" in told.body
    assert re.search(r"^When: \d{4}-\d\d-\d\d \d\d:\d\d UTC$", told.body, re.M)
    assert "https://plumbmark.example/settings/tokens/" in told.body


def test_a_refused_token_is_not_told(as_ada: Client) -> None:
    as_ada.post("/settings/tokens/new/", {"name": "laptop"})

    assert sent_now() == {}


def test_a_changed_password_is_told(as_ada: Client) -> None:
    change = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    as_ada.post("/accounts/password/change/", change)

    told = sent_now()["ada@example.org"]

    assert told.subject == "Your password was changed"
    assert "https://plumbmark.example/accounts/password/reset/" in told.body
    assert NEW not in told.body


def test_a_reset_password_is_told(ada: User) -> None:
    client = Client(HTTP_HOST=ELSEWHERE, HTTP_USER_AGENT="http://evil.example/ click here")
    client.post("/accounts/password/reset/", {"email": ada.email})
    link = re.search(r"/accounts/password/reset/key/\S+", str(mail.outbox[-1].body))
    assert link is not None
    address = client.get(link[0], follow=True).redirect_chain[-1][0]
    client.post(address, {"password1": NEW, "password2": NEW})

    told = sent_now()[ada.email]

    assert told.subject == "Your password was set anew"
    # What a browser says of itself is a stranger's text.
    assert "click here" not in told.body


def test_a_new_address_is_told_to_the_old_one_when_entered_and_when_confirmed(
    as_ada: Client, ada: User
) -> None:
    as_ada.post("/accounts/reauthenticate/", {"password": PASSWORD})
    as_ada.post("/accounts/email/", {"action_add": "", "email": "new@example.org"})
    link = re.search(r"/accounts/confirm-email/\S+", str(mail.outbox[-1].body))
    assert link is not None

    entered = sent_now()

    assert set(entered) == {"ada@example.org"}
    assert "to new@example.org" in entered["ada@example.org"].body

    as_ada.post(link[0])
    confirmed = sent_now()

    ada.refresh_from_db()
    assert ada.email == "new@example.org"
    assert set(confirmed) == {"ada@example.org", "new@example.org"}
    assert "from ada@example.org to new@example.org" in confirmed["ada@example.org"].body
    assert "the old address can no longer" in confirmed["ada@example.org"].body
    assert confirmed["new@example.org"].subject == "Your e-mail address is confirmed"


def test_an_address_that_is_taken_back_is_told(as_ada: Client) -> None:
    as_ada.post("/accounts/reauthenticate/", {"password": PASSWORD})
    as_ada.post("/accounts/email/", {"action_add": "", "email": "new@example.org"})
    sent_now()
    as_ada.post("/accounts/email/", {"action_remove": "", "email": "new@example.org"})

    assert "new@example.org was removed" in sent_now()["ada@example.org"].body


def test_a_sign_up_is_told_when_its_address_is_confirmed() -> None:
    client = Client(HTTP_HOST=ELSEWHERE)
    fields = {"email": "bob@example.org", "handle": "bob", "password1": PASSWORD}
    client.post("/accounts/signup/", fields)
    assert sent_now() == {}
    link = re.search(r"/accounts/confirm-email/\S+", str(mail.outbox[-1].body))
    assert link is not None

    client.post(link[0])

    assert sent_now()["bob@example.org"].subject == "Your e-mail address is confirmed"


def test_what_an_administrator_changes_is_told_without_their_address(
    open_account: Any, ada: User
) -> None:
    keeper = Client(REMOTE_ADDR="198.51.100.1", HTTP_HOST=ELSEWHERE)
    staff = open_account("keeper", is_administrator=True)
    keeper.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    page = f"/admin/accounts/user/{ada.pk}/"
    fields = {"password1": NEW, "password2": NEW, "usable_password": "true"}

    keeper.post(f"{page}password/", {**fields, "set-password": "Change password"})
    told = sent_now()
    keeper.post(f"{page}change/", {"email": "new@example.org", "is_active": "on"})
    changed = sent_now()

    assert told["ada@example.org"].subject == "Your password was changed"
    assert set(changed) == {"ada@example.org", "new@example.org"}
    for one in (*told.values(), *changed.values()):
        assert "By: an administrator of this site" in one.body
        assert "198.51.100.1" not in one.body
    Client().post("/accounts/password/reset/", {"email": "ada@example.org"})
    assert mail.outbox[-1].subject == "No account with this address"
    Client().post("/accounts/password/reset/", {"email": "new@example.org"})
    assert mail.outbox[-1].subject == "Reset your password"


def test_an_administrator_gives_nobody_the_address_of_another(open_account: Any, ada: User) -> None:
    keeper, grace = Client(), open_account("grace")
    keeper.force_login(open_account("keeper", is_administrator=True))
    EmailAddress.objects.filter(user=grace).update(email="other@example.org")

    answer = keeper.post(f"/admin/accounts/user/{ada.pk}/change/", {"email": "Other@example.org"})

    assert "Another account has this address." in answer.content.decode()
    ada.refresh_from_db()
    assert ada.email == "ada@example.org"


def test_a_mail_server_that_is_away_fails_no_request_and_loses_no_mail(
    as_ada: Client, settings: Any
) -> None:
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", unused_port()

    assert new_token(as_ada).status_code == 200
    assert send_notices() == 0

    assert ApiToken.objects.count() == Notice.objects.count() == 1
    assert "ConnectionRefusedError" in FailedAttempt.objects.get().reason
    assert send_notices() == 0
    settings.EMAIL_BACKEND = working
    with shift_clock(timedelta(minutes=1)):
        assert send_notices() == 1
    assert mail.outbox[-1].subject == "A new API token"
    assert not FailedAttempt.objects.exists()
    assert send_notices() == 0


@pytest.mark.usefixtures("ada")
def test_a_mail_that_another_worker_sends_is_not_sent_twice() -> None:
    notice = notices.queue_notice(to="ada@example.org", subject="x", body="y")
    Notice.objects.filter(pk=notice.pk).update(claimed_at=notice.created_at)

    assert send_notices() == 0
    with shift_clock(timedelta(minutes=6)):
        assert send_notices() == 1


def test_mails_that_cannot_be_sent_are_given_up_and_nothing_is_kept_of_sent_ones(
    as_ada: Client,
) -> None:
    new_token(as_ada)
    with shift_clock(notices.NOTICES_KEPT + timedelta(minutes=1)):
        assert send_notices() == 0
    assert not Notice.objects.exists()

    new_token(as_ada, "second")
    assert send_notices() == 1

    assert not Notice.objects.exists()
    assert not OutboxEvent.objects.filter(payload__icontains="ada@example.org").exists()
    jobs = [entry["task"] for entry in site.CELERY_BEAT_SCHEDULE.values()]
    assert "accounts.jobs.send_notices" in jobs
