"""Tasks offered to somebody else: nothing moves before they accept, and then all of it does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from plumbmark.accounts.models import Membership, Namespace, Notice
from plumbmark.accounts.usage import LimitReached, storage_of
from plumbmark.common.clock import shift_clock
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from plumbmark.common.models import AuditEvent
from tasks_app.authoring.drafts import save_draft
from tasks_app.authoring.life import transfer_task
from tasks_app.authoring.queries import items_of
from tasks_app.models import DataFile, Task, TransferOffer
from tasks_app.permissions import can_edit_task
from tasks_app.task_copies.actions import copy_task
from tasks_app.transfer_offers.actions import (
    MAX_OFFERS_A_DAY,
    OPEN_FOR,
    accept_offer,
    decline_offer,
    offer_task,
    withdraw_offer,
)
from tasks_app.transfer_offers.queries import facts_of_offer
from tests.tasks.words import WITH_PRIVATE

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account("bob")


@pytest.fixture
def task(ada: Any, make_task: Callable[..., Any]) -> Any:
    return make_task(ada, definition=WITH_PRIVATE)


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def api_of(user: Any) -> APIClient:
    api = APIClient()
    api.force_authenticate(user)
    return api


def make_team(handle: str, **roles: Any) -> Namespace:
    team = Namespace.objects.create(kind=Namespace.Kind.TEAM, handle=handle)
    for role, user in roles.items():
        Membership.objects.create(namespace=team, user=user, role=role)
    return team


def test_an_accepted_task_moves_with_its_files_and_private_items(
    ada: Any, bob: Any, task: Any
) -> None:
    everything = items_of(task.latest_version, to=ada).count()
    stored = storage_of(ada.namespace).used
    offer = offer_task(task=task, handle="@Bob", by=ada)

    # Nothing has moved, and nothing more is seen.
    assert Task.objects.get(pk=task.pk).namespace == ada.namespace
    assert items_of(task.latest_version, to=bob).count() < everything
    assert not can_edit_task(bob, task)

    moved = accept_offer(offer=offer, by=bob)

    assert moved.namespace == bob.namespace
    version = moved.latest_version
    assert version is not None
    version.task = moved
    assert items_of(version, to=bob).count() == everything
    assert items_of(version, to=ada).count() < everything
    assert not can_edit_task(ada, moved)
    assert storage_of(bob.namespace).used == stored
    assert storage_of(ada.namespace).used == 0
    old = Client().get(f"/tasks/ada/{task.slug}/")
    assert (old.status_code, old.headers["Location"]) == (302, f"/tasks/bob/{task.slug}/")
    kinds = AuditEvent.objects.filter(thing=f"task:{task.public_id}").values_list(
        "action", flat=True
    )
    assert {"offer-task", "accept-task-offer", "transfer-task"} <= set(kinds)
    offer.refresh_from_db()
    assert (offer.current_status, offer.decided_by) == ("accepted", bob)


def test_both_sides_are_told_by_mail(ada: Any, bob: Any, task: Any) -> None:
    offer = offer_task(task=task, handle="bob", by=ada)
    mail = Notice.objects.get()
    assert (mail.to, mail.subject) == (bob.email, "ada offers you a task")
    assert offer.get_absolute_url() in mail.body

    decline_offer(offer=offer, by=bob)

    answer = Notice.objects.exclude(pk=mail.pk).get()
    assert (answer.to, answer.subject) == (ada.email, "bob declined your task")


def test_a_team_is_asked_by_its_owners_and_maintainers(
    ada: Any, bob: Any, task: Any, open_account: Callable[..., Any]
) -> None:
    grace, member = open_account("grace"), open_account("member")
    make_team("lab", owner=bob, maintainer=grace, member=member)

    offer = offer_task(task=task, handle="lab", by=ada)

    assert set(Notice.objects.values_list("to", flat=True)) == {bob.email, grace.email}
    with pytest.raises(NotAllowed):
        accept_offer(offer=offer, by=member)
    assert accept_offer(offer=offer, by=grace).namespace.handle == "lab"


def test_only_the_two_sides_decide(
    ada: Any, bob: Any, task: Any, open_account: Callable[..., Any]
) -> None:
    eve = open_account("eve")
    with pytest.raises(NotAllowed):
        offer_task(task=task, handle="bob", by=eve)
    offer = offer_task(task=task, handle="bob", by=ada)

    for decide, who in (
        (accept_offer, eve),
        (accept_offer, ada),
        (decline_offer, ada),
        (withdraw_offer, bob),
    ):
        with pytest.raises(NotAllowed):
            decide(offer=offer, by=who)
    assert client_of(eve).get(offer.get_absolute_url()).status_code == 404
    assert api_of(eve).get(f"/api/v1/transfer-offers/{offer.public_id}").status_code == 404
    assert api_of(eve).get("/api/v1/transfer-offers").json()["results"] == []
    offer.refresh_from_db()
    assert offer.is_open


def test_one_offer_at_a_time_which_can_be_withdrawn(ada: Any, bob: Any, task: Any) -> None:
    offer = offer_task(task=task, handle="bob", by=ada)
    with pytest.raises(Conflict, match="offered to somebody already"):
        offer_task(task=task, handle="bob", by=ada)

    withdraw_offer(offer=offer, by=ada)

    with pytest.raises(Conflict, match="withdrawn"):
        accept_offer(offer=offer, by=bob)
    assert offer_task(task=task, handle="bob", by=ada).is_open


def test_an_offer_ends_by_itself(ada: Any, bob: Any, task: Any) -> None:
    offer = offer_task(task=task, handle="bob", by=ada)

    with shift_clock(OPEN_FOR + timedelta(minutes=1)):
        assert offer.current_status == "expired"
        with pytest.raises(Conflict, match="expired"):
            accept_offer(offer=offer, by=bob)
        assert "is offered to you" not in client_of(bob).get("/").content.decode()
        assert offer_task(task=task, handle="bob", by=ada).is_open
        offer.refresh_from_db()
        assert offer.status == "expired"


@pytest.mark.parametrize(
    ("handle", "problem"),
    [
        ("", "give a handle"),
        ("nobody", "no person or team called 'nobody'"),
        ("ada", "belongs to ada already"),
        ("lab", "you act for lab yourself"),
    ],
)
def test_an_offer_needs_somebody_else(ada: Any, task: Any, handle: str, problem: str) -> None:
    make_team("lab", owner=ada)

    with pytest.raises(InvalidInput) as error:
        offer_task(task=task, handle=handle, by=ada)

    assert problem in error.value.problems[0].message
    assert not TransferOffer.objects.exists()


def test_who_declined_is_not_asked_again_at_once(ada: Any, bob: Any, task: Any) -> None:
    decline_offer(offer=offer_task(task=task, handle="bob", by=ada), by=bob)

    with pytest.raises(Conflict, match="declined this task"):
        offer_task(task=task, handle="bob", by=ada)

    with shift_clock(OPEN_FOR + timedelta(minutes=1)):
        assert offer_task(task=task, handle="bob", by=ada).is_open


def test_offers_are_no_way_to_flood_people_with_mails(ada: Any, bob: Any, task: Any) -> None:
    for _ in range(MAX_OFFERS_A_DAY):
        withdraw_offer(offer=offer_task(task=task, handle="bob", by=ada), by=ada)

    with pytest.raises(Conflict, match="within a day"):
        offer_task(task=task, handle="bob", by=ada)


def test_an_offer_of_whoever_left_the_team_moves_nothing(
    ada: Any, bob: Any, task: Any, open_account: Callable[..., Any]
) -> None:
    team = make_team("lab", owner=ada, maintainer=bob)
    open_account("mallory")
    transfer_task(task=task, to=team, by=ada)
    task.refresh_from_db()
    offer = offer_task(task=task, handle="mallory", by=bob)
    Membership.objects.filter(namespace=team, user=bob).delete()

    with pytest.raises(Conflict, match="may not give it away"):
        accept_offer(offer=offer, by=Namespace.objects.get(handle="mallory").user)  # type: ignore[arg-type]

    assert Task.objects.get(pk=task.pk).namespace == team


def test_a_task_that_moved_otherwise_is_no_longer_offered(ada: Any, bob: Any, task: Any) -> None:
    offer = offer_task(task=task, handle="bob", by=ada)

    transfer_task(task=task, to=make_team("lab", owner=ada), by=ada)

    with pytest.raises(Conflict, match="withdrawn"):
        accept_offer(offer=offer, by=bob)


def test_limits_are_those_of_the_new_owner(ada: Any, bob: Any, task: Any, settings: Any) -> None:
    offer = offer_task(task=task, handle="bob", by=ada)
    settings.MAX_STORAGE_BYTES = 10
    with pytest.raises(LimitReached, match="bob uses"):
        accept_offer(offer=offer, by=bob)
    settings.MAX_STORAGE_BYTES = 10**9
    settings.MAX_TASKS = 0
    with pytest.raises(LimitReached, match="bob has"):
        accept_offer(offer=offer, by=bob)

    offer.refresh_from_db()
    assert offer.is_open
    assert Task.objects.get(pk=task.pk).namespace == ada.namespace


def test_a_file_that_another_task_has_too_stays_with_its_owner(
    ada: Any, bob: Any, task: Any
) -> None:
    copy_task(version=task.latest_version, namespace=ada.namespace, slug="second", by=ada)

    accept_offer(offer=offer_task(task=task, handle="bob", by=ada), by=bob)

    assert DataFile.objects.get().namespace == ada.namespace


def test_earlier_saves_do_not_come_along(ada: Any, bob: Any, task: Any) -> None:
    secret = SimpleUploadedFile("secret.jsonl", b'{"question": "secret", "answer": "1"}\n')
    kept = task.draft.data_file
    save_draft(task=task, upload=secret, replaces_fitting_file=True, by=ada)
    with kept.file.open("rb") as file:
        again = SimpleUploadedFile(kept.name, file.read())
    save_draft(task=task, upload=again, replaces_fitting_file=True, by=ada)

    offer = offer_task(task=task, handle="bob", by=ada)
    assert facts_of_offer(offer).stored_bytes == kept.size

    moved = accept_offer(offer=offer, by=bob)

    assert storage_of(bob.namespace).used == kept.size
    assert not moved.draft.saves.exists()
    assert moved.draft.current_save is None
    assert not DataFile.objects.filter(name="secret.jsonl", namespace=bob.namespace).exists()


def test_the_pages_offer_show_and_accept(
    ada: Any, bob: Any, task: Any, make_task: Callable[..., Any], django_assert_max_num_queries: Any
) -> None:
    make_task(bob, title=task.title, publish="")
    sender, recipient = client_of(ada), client_of(bob)
    address = reverse("tasks:offer", args=["ada", task.slug])

    refused = sender.post(address, {"recipient": "nobody"}, follow=True).content.decode()
    assert "no person or team called" in refused
    told = sender.post(address, {"recipient": "bob"}, follow=True).content.decode()
    assert "Nothing changes before they accept" in told
    assert "Offered to bob" in told
    offer = TransferOffer.objects.get()
    assert offer.get_absolute_url() in recipient.get("/").content.decode()
    recipient.get(offer.get_absolute_url())
    with django_assert_max_num_queries(16):
        page = recipient.get(offer.get_absolute_url()).content.decode()
    assert "Accept the task" in page
    assert "Withdraw the offer" not in page
    taken = recipient.post(offer.get_absolute_url(), {"then": "accept", "slug": task.slug})
    assert taken.status_code == 409
    assert "bob has a task at" in taken.content.decode()
    assert recipient.post(offer.get_absolute_url(), {"then": "accept"}).status_code == 422

    done = recipient.post(offer.get_absolute_url(), {"then": "accept", "slug": "from-ada"})

    assert done.headers["Location"] == "/tasks/bob/from-ada/settings/"
    old = Client().get(f"/tasks/ada/{task.slug}/")
    assert old.headers["Location"] == "/tasks/bob/from-ada/"
    assert "accepted" in sender.get(offer.get_absolute_url()).content.decode()


def test_the_list_of_offers_takes_few_queries(
    ada: Any, bob: Any, task: Any, make_task: Callable[..., Any], django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        other = make_task(ada, title=f"Task {number}", publish="")
        offer_task(task=other, handle="bob", by=ada)
    page = client_of(bob)
    page.get(reverse("tasks:transfer-offers"))

    with django_assert_max_num_queries(8):
        text = page.get(reverse("tasks:transfer-offers")).content.decode()

    assert text.count("Task ") >= 5


def test_the_api_does_the_same(ada: Any, bob: Any, task: Any) -> None:
    sender, recipient = api_of(ada), api_of(bob)
    address = f"/api/v1/tasks/{task.public_id}/transfer-offers"
    assert sender.post(address, {"recipient": "nobody"}, format="json").status_code == 422
    made = sender.post(address, {"recipient": "bob"}, format="json")
    assert made.status_code == 201
    assert made.json()["facts"]["private_items"] > 0
    one = f"/api/v1/transfer-offers/{made.json()['id']}"
    assert recipient.get("/api/v1/transfer-offers").json()["results"][0]["status"] == "open"
    assert recipient.get(one).json()["title"] == task.title
    assert recipient.post(f"{one}/withdraw").status_code == 403
    assert sender.post(f"{one}/accept", {}, format="json").status_code == 403

    moved = recipient.post(f"{one}/accept", {"slug": "mine-now"}, format="json")

    assert moved.status_code == 200
    assert (moved.json()["namespace"], moved.json()["slug"]) == ("bob", "mine-now")
    assert recipient.post(f"{one}/accept", {}, format="json").status_code == 409
    assert recipient.get(one).json()["facts"] is None
    again = recipient.post(
        f"/api/v1/tasks/{task.public_id}/transfer-offers", {"recipient": "ada"}, format="json"
    )
    back = f"/api/v1/transfer-offers/{again.json()['id']}"
    assert sender.post(f"{back}/decline").json()["status"] == "declined"
