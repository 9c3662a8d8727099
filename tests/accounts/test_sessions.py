"""Where a person is signed in, and how to end it: the page, and attacks on it."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from plumbmark.accounts import sign_ins
from plumbmark.accounts.devices import describe_device
from plumbmark.accounts.jobs import forget_expired_sessions
from plumbmark.accounts.models import SignIn, User
from plumbmark.common.clock import shift_clock
from plumbmark.common.errors import NotAllowed

pytestmark = pytest.mark.django_db

PAGE = "/settings/sessions/"
PASSWORD = "correct horse battery staple"
NEW = "a new horse for the battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)
DEVICES = {
    FIREFOX: "Firefox on Linux",
    CHROME: "Chrome on Windows",
    f"{CHROME} Edg/141.0.0.0": "Edge on Windows",
    f"{CHROME} OPR/120.0.0.0": "Opera on Windows",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.0 Mobile/15E148 Safari/604.1": "Safari on iPhone",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Safari/605.1.15": "Safari on macOS",
    "Mozilla/5.0 (Linux; Android 15; SM-S928B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36": "Samsung Internet on Android",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36": "Chrome on ChromeOS",
    "curl/8.5.0": "curl/8.5.0",
    "": "Unknown device",
    "x" * 100: "x" * 60 + "…",
}


@pytest.fixture
def ada(open_account: Any) -> User:
    user: User = open_account("ada")
    return user


@pytest.fixture
def enter() -> Callable[..., Client]:
    """Sign in with the form, as browsers do."""

    def make(handle: str = "ada", agent: str = FIREFOX, address: str = "10.0.0.1") -> Client:
        client = Client(HTTP_USER_AGENT=agent, REMOTE_ADDR=address)
        fields = {"login": f"{handle}@example.org", "password": PASSWORD}
        answer = client.post("/accounts/login/", fields)
        assert answer.status_code == 302, answer.content.decode()
        return client

    return make


def page_of(client: Client) -> str:
    return client.get(PAGE).content.decode()


def is_signed_in(client: Client) -> bool:
    return client.get("/settings/profile/").status_code == 200


@pytest.mark.parametrize(("user_agent", "words"), DEVICES.items(), ids=list(DEVICES.values()))
def test_a_device_is_told_in_plain_words(user_agent: str, words: str) -> None:
    assert describe_device(user_agent) == words


@pytest.mark.usefixtures("ada")
def test_the_page_lists_every_session_and_marks_its_own(enter: Any) -> None:
    here = enter()
    enter(agent=CHROME, address="10.0.0.2")

    page = page_of(here)

    assert page.count("this session") == 1
    assert page.index("Firefox on Linux") < page.index("this session")
    assert "Chrome on Windows" in page
    assert "10.0.0.2" in page
    assert page.count("/end/") == 1


@pytest.mark.usefixtures("ada")
def test_one_other_session_is_ended_and_stays_ended(enter: Any) -> None:
    here, there, third = enter(), enter(agent=CHROME), enter(agent="curl/8")
    key = there.cookies["sessionid"].value
    other = SignIn.objects.get(user_agent=CHROME)

    answer = here.post(f"{PAGE}{other.public_id}/end/", follow=True)

    assert "The session on “Chrome on Windows” has ended." in answer.content.decode()
    assert not is_signed_in(there)
    there.cookies["sessionid"] = key
    assert not is_signed_in(there)
    assert is_signed_in(here)
    assert is_signed_in(third)
    assert Session.objects.count() == SignIn.objects.count() == 2


@pytest.mark.usefixtures("ada")
def test_everything_else_is_ended_at_once(enter: Any) -> None:
    here, others = enter(), [enter(agent=CHROME), enter(agent="curl/8")]

    here.post(f"{PAGE}end-others/")

    assert is_signed_in(here)
    assert not any(is_signed_in(one) for one in others)
    assert "Sign out everywhere else" not in page_of(here)


@pytest.mark.usefixtures("ada")
def test_ending_this_session_signs_out(enter: Any) -> None:
    here = enter()

    answer = here.post(f"{PAGE}{SignIn.objects.get().public_id}/end/")

    assert answer.headers["Location"] == "/accounts/login/"
    assert not is_signed_in(here)
    assert not SignIn.objects.exists()


@pytest.mark.usefixtures("ada")
def test_nobody_sees_or_ends_the_session_of_another(enter: Any, open_account: Any) -> None:
    grace = open_account("grace")
    keeper = open_account("keeper", is_administrator=True)
    ada_s = enter()
    theirs = SignIn.objects.get()
    for handle in ("grace", "keeper"):
        client = enter(handle, agent=CHROME, address="10.9.9.9")
        assert "10.0.0.1" not in page_of(client)
        assert client.post(f"{PAGE}{theirs.public_id}/end/").status_code == 404
        assert client.post(f"{PAGE}end-others/").status_code == 302
    for person in (grace, keeper):
        with pytest.raises(NotAllowed):
            sign_ins.end_sign_in(sign_in=theirs, by=person)
    with pytest.raises(NotAllowed):
        sign_ins.end_sign_ins(user=theirs.user, by=grace)

    assert is_signed_in(ada_s)


@pytest.mark.usefixtures("ada")
def test_a_form_of_another_site_ends_nothing(enter: Any) -> None:
    enter(agent=CHROME)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = enter().cookies
    other = SignIn.objects.get(user_agent=CHROME)

    for path in (f"{PAGE}{other.public_id}/end/", f"{PAGE}end-others/"):
        assert strict.post(path).status_code == 403
        assert strict.get(path).status_code == 405

    assert SignIn.objects.count() == 2


def test_a_stranger_is_asked_to_sign_in(client: Client) -> None:
    for answer in (
        client.get(PAGE),
        client.post(f"{PAGE}x/end/"),
        client.post(f"{PAGE}end-others/"),
    ):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/accounts/login/")


@pytest.mark.usefixtures("ada")
def test_no_key_and_no_digest_is_on_the_page(enter: Any) -> None:
    here, there = enter(), enter(agent=CHROME)

    page = page_of(here)

    for client in (here, there):
        assert client.cookies["sessionid"].value not in page
    for session in Session.objects.all():
        assert session.session_key not in page


@pytest.mark.usefixtures("ada")
def test_a_browser_cannot_put_markup_into_the_page(enter: Any) -> None:
    enter(agent="<script>alert(1)</script>\x07\u202e")

    page = page_of(enter())

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.usefixtures("ada")
def test_queries_do_not_grow_with_the_sessions(enter: Any) -> None:
    here = enter()
    page_of(here)
    with CaptureQueriesContext(
        connection,
    ) as few:
        page_of(here)
    for number in range(4):
        enter(agent=f"curl/{number}")

    with CaptureQueriesContext(connection) as many:
        assert page_of(here).count("curl/") >= 4

    assert len(few) == len(many)


@pytest.mark.usefixtures("ada")
def test_use_is_noted_once_in_a_while_and_from_a_new_address_at_once(enter: Any) -> None:
    here = enter()
    first = SignIn.objects.get().seen_at

    def writes(address: str = "10.0.0.1") -> int:
        with CaptureQueriesContext(connection) as queries:
            here.get("/settings/profile/", REMOTE_ADDR=address)
        return sum("accounts_signin" in query["sql"] for query in queries)

    assert writes() == 0
    with shift_clock(sign_ins.USE_NOTED_EVERY + timedelta(seconds=1)):
        assert writes() == 1
        assert writes() == 0
    assert SignIn.objects.get().seen_at > first
    assert writes("10.0.0.7") == 1
    assert SignIn.objects.get().address == "10.0.0.7"


@pytest.mark.usefixtures("ada")
def test_a_process_that_knows_nothing_writes_no_fresh_use(enter: Any) -> None:
    here = enter()
    row = SignIn.objects.values().get()
    sign_ins._noted.clear()

    here.get("/settings/profile/")

    assert SignIn.objects.values().get() == row


@pytest.mark.usefixtures("ada")
def test_a_changed_password_ends_the_sessions_elsewhere(enter: Any) -> None:
    here, there = enter(), enter(agent=CHROME)
    change = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}

    assert here.post("/accounts/password/change/", change).status_code == 302

    assert Session.objects.count() == 1
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert "this session" in page_of(here)
    assert "Chrome on Windows" not in page_of(here)


@pytest.mark.usefixtures("ada")
def test_a_reset_password_ends_every_earlier_session(enter: Any) -> None:
    there = enter(agent=CHROME)
    client = Client(HTTP_USER_AGENT=FIREFOX)
    client.post("/accounts/password/reset/", {"email": "ada@example.org"})
    link = re.search(r"/accounts/password/reset/key/\S+", str(mail.outbox[-1].body))
    assert link is not None
    address = client.get(link[0], follow=True).redirect_chain[-1][0]

    client.post(address, {"password1": NEW, "password2": NEW})

    assert not is_signed_in(there)
    assert [one.device for one in SignIn.objects.all()] == ["Firefox on Linux"]
    assert is_signed_in(client)


def test_the_administration_ends_sessions_with_a_password_and_with_a_closed_account(
    enter: Any, open_account: Any, ada: User
) -> None:
    open_account("keeper", is_administrator=True)
    keeper, there = enter("keeper"), enter(agent=CHROME)
    page = f"/admin/accounts/user/{ada.pk}/"
    fields = {"password1": NEW, "password2": NEW, "set-password": "Change password"}

    assert keeper.post(f"{page}password/", {**fields, "usable_password": "true"}).status_code == 302

    assert not is_signed_in(there)
    assert not SignIn.objects.filter(user=ada).exists()
    ada.set_password(PASSWORD)
    ada.save()
    again = enter()
    assert keeper.post(f"{page}change/", {"email": ada.email}).status_code == 302
    assert not is_signed_in(again)
    # Also when the account is opened again.
    assert keeper.post(f"{page}change/", {"email": ada.email, "is_active": "on"}).status_code == 302
    assert not is_signed_in(again)
    assert is_signed_in(keeper)


@pytest.mark.usefixtures("ada")
def test_an_administrator_who_changes_their_own_password_stays(
    enter: Any, open_account: Any
) -> None:
    user = open_account("keeper", is_administrator=True)
    keeper, there = enter("keeper"), enter("keeper", agent=CHROME)
    fields = {"password1": NEW, "password2": NEW, "set-password": "Change password"}

    keeper.post(f"/admin/accounts/user/{user.pk}/password/", {**fields, "usable_password": "true"})

    assert is_signed_in(keeper)
    assert not is_signed_in(there)
    assert page_of(keeper).count("this session") == 1


@pytest.mark.usefixtures("ada")
def test_signing_in_again_in_the_same_browser_is_one_session(enter: Any) -> None:
    here = enter()
    here.post("/accounts/logout/")
    assert not SignIn.objects.exists()

    here.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})

    assert SignIn.objects.count() == 1
    assert "this session" in page_of(here)


@pytest.mark.usefixtures("ada")
def test_expired_sessions_are_listed_no_more_and_removed_by_the_job(enter: Any) -> None:
    here = enter()
    enter(agent=CHROME)
    expired = SignIn.objects.get(user_agent=CHROME)
    Session.objects.filter(session_key=expired.session_digest).update(
        expire_date=timezone.now() - timedelta(seconds=1)
    )
    assert "Chrome on Windows" not in page_of(here)
    assert SignIn.objects.count() == 2

    assert forget_expired_sessions() == 1

    assert [one.user_agent for one in SignIn.objects.all()] == [FIREFOX]
    assert is_signed_in(here)
    jobs = [entry["task"] for entry in site.CELERY_BEAT_SCHEDULE.values()]
    assert "accounts.jobs.forget_expired_sessions" in jobs
