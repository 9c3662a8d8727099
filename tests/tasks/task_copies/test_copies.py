"""Copies with provenance, licences that do not go together, and the end of a task's life."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from plumbmark.accounts.models import Membership, Namespace
from plumbmark.accounts.usage import LimitReached
from plumbmark.common.errors import Conflict, NotAllowed
from tasks_app.authoring import drafts, publication
from tasks_app.authoring.actions import TaskFacts, create_task
from tasks_app.authoring.life import delete_task, set_archived, transfer_task
from tasks_app.authoring.queries import visible_tasks
from tasks_app.code_tasks.actions import save_code_draft
from tasks_app.item_reports import actions as reporting
from tasks_app.models import DataFile, Item, Task, TaskDraft, TaskVersion
from tasks_app.task_copies.actions import copy_task
from tasks_app.task_copies.licences import find_conflicts, known_licence
from tests.tasks.words import ROWS, WITH_PRIVATE

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account("bob")


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def items_of_copy(task: Task, by: Any) -> list[tuple[str, Any]]:
    version = publication.build_version(task=task, by=by)
    return list(Item.objects.filter(version=version).values_list("key", "target"))


def test_a_copy_has_all_items_for_its_author_and_the_public_ones_for_others(
    ada: Any, bob: Any, make_task: Callable[..., Any]
) -> None:
    original = make_task(ada, definition=WITH_PRIVATE, rows=ROWS, licence="CC-BY-4.0")
    version = original.latest_version

    own = copy_task(version=version, namespace=ada.namespace, title="My copy", by=ada)
    theirs = copy_task(version=version, namespace=bob.namespace, by=bob)

    assert [key for key, _ in items_of_copy(own, ada)] == ["q1", "q2", "q3", "q4"]
    assert [key for key, _ in items_of_copy(theirs, bob)] == ["q1", "q2", "q3"]
    draft = TaskDraft.objects.select_related("data_file").get(task=theirs)
    # Nothing is left that could be private, and the rest is as its author wrote it.
    assert "split:" not in draft.definition_text
    assert "Number **words**." in draft.definition_text
    assert draft.data_file is not None
    assert draft.data_file.namespace == bob.namespace
    with draft.data_file.file.open("rb") as file:
        assert b"bold" not in file.read()
    assert (theirs.copied_from, theirs.licence, theirs.visibility) == (
        version,
        "CC-BY-4.0",
        "private",
    )
    publication.publish_task(task=theirs, visibility="public", by=bob)
    page = Client().get("/tasks/bob/number-words/").content.decode()
    assert "Number words by ada, version 1" in page


def test_a_corrected_key_is_in_the_copy(ada: Any, bob: Any, make_task: Callable[..., Any]) -> None:
    original = make_task(ada, definition=WITH_PRIVATE, rows=ROWS)
    drafts.save_draft(
        task=original,
        upload=SimpleUploadedFile(
            "items.csv",
            b'id,question,answer,split\nq0,No.,no,held\nq1,"Say, it.",x,open\nq2,More.,z,open\n',
        ),
        by=ada,
    )
    version = publication.publish_task(task=original, by=ada)
    item = Item.objects.get(version=version, key="q1")
    report = reporting.report_item(
        version=version, item=item, kind="wrong-key", reason="It is y.", proposed="y", by=bob
    )
    reporting.accept_report(report=report, target="y", by=ada)
    original.refresh_from_db()

    copy = copy_task(version=original.latest_version, namespace=bob.namespace, by=bob)

    assert items_of_copy(copy, bob) == [("q1", "y"), ("q2", "z")]


def test_what_one_may_not_see_is_not_copied(
    ada: Any, bob: Any, make_task: Callable[..., Any]
) -> None:
    hidden = make_task(ada, publish="private").latest_version
    with pytest.raises(NotAllowed):
        copy_task(version=hidden, namespace=bob.namespace, by=bob)
    with pytest.raises(NotAllowed, match="on behalf of ada"):
        copy_task(
            version=make_task(ada, title="Open").latest_version, namespace=ada.namespace, by=bob
        )
    assert not DataFile.objects.filter(namespace=bob.namespace).exists()


def test_the_page_and_the_api_copy(ada: Any, bob: Any, make_task: Callable[..., Any]) -> None:
    version = make_task(ada, definition=WITH_PRIVATE, rows=ROWS).latest_version
    address = reverse("tasks:copy", args=["ada", version.task.slug, 1])

    page = client_of(bob).get(address).content.decode()
    assert "1 private item is left out" in page
    done = client_of(bob).post(address, {"title": "Words of bob"})
    again = client_of(bob).post(address, {"title": "Words of bob"})
    assert (done.status_code, done.headers["Location"]) == (302, "/tasks/bob/words-of-bob/edit/")
    assert again.status_code == 422

    api = APIClient()
    api.force_authenticate(bob)
    found = api.post(
        f"/api/v1/task-versions/{version.public_id}/copies", {"title": "Third"}, format="json"
    )
    assert found.status_code == 201
    assert found.json()["copied_from"] == version.public_id


@pytest.mark.parametrize(
    ("licence", "source", "authors", "expected"),
    [
        ("CC-BY-4.0", "CC-BY-4.0", "Ann", []),
        ("CC-BY-SA-4.0", "CC-BY-SA-3.0", "Ann", []),
        ("MIT", "CC0-1.0", "", []),
        ("CC-BY-4.0", "CC-BY-SA-4.0", "Ann", ["asks for the same licence"]),
        ("CC-BY-4.0", "CC-BY-NC-4.0", "Ann", ["forbids commercial use"]),
        ("CC0-1.0", "CC-BY-4.0", "Ann", ["asks to name the authors"]),
        ("CC-BY-4.0", "CC BY 4.0", "", ["asks to name the authors"]),
        ("CC-BY-ND-4.0", "CC-BY-ND-4.0", "Ann", ["forbids to share changed copies"]),
        ("", "MIT", "Ann", ["states no licence"]),
        ("House rules", "MIT", "Ann", ["House rules is not an SPDX id"]),
        ("MIT", "House rules", "", ["House rules, the licence of"]),
        ("MIT", "", "", []),
    ],
)
def test_licences_that_do_not_go_together_are_named(
    licence: str, source: str, authors: str, expected: list[str]
) -> None:
    found = find_conflicts(licence, source, authors=authors, of="the source")

    assert len(found) == len(expected), found
    assert all(part in one for one, part in zip(found, expected, strict=True))
    assert known_licence("cc-by-sa 4.0") == "CC-BY-SA-4.0"


def test_an_archived_task_is_in_no_list_and_comes_back(
    ada: Any, make_task: Callable[..., Any]
) -> None:
    task = make_task(ada)
    address = reverse("tasks:archive", args=["ada", task.slug])

    client_of(ada).post(address, {"archived": "yes"})
    assert not visible_tasks(to=ada).exists()
    assert Client().get(task.get_absolute_url()).status_code == 200
    api = APIClient()
    api.force_authenticate(ada)
    path = f"/api/v1/tasks/{task.public_id}"
    assert api.get(path).json()["is_archived"]
    api.patch(path, {"is_archived": False}, format="json")

    assert visible_tasks(to=ada).exists()


def test_a_task_goes_to_a_team_and_its_old_address_leads_to_it(
    ada: Any, bob: Any, make_task: Callable[..., Any]
) -> None:
    task = make_task(ada, definition=WITH_PRIVATE, rows=ROWS)
    team = Namespace.objects.create(kind=Namespace.Kind.TEAM, handle="lab")
    Membership.objects.create(namespace=team, user=ada, role=Membership.Role.MAINTAINER)
    with pytest.raises(NotAllowed):
        transfer_task(task=task, to=team, by=bob)
    with pytest.raises(NotAllowed):
        transfer_task(task=task, to=bob.namespace, by=ada)

    done = client_of(ada).post(
        reverse("tasks:transfer", args=["ada", task.slug]), {"handle": "lab"}
    )

    assert done.headers["Location"] == f"/tasks/lab/{task.slug}/settings/"
    old = Client().get(f"/tasks/ada/{task.slug}/")
    assert (old.status_code, old.headers["Location"]) == (302, f"/tasks/lab/{task.slug}/")
    version = Client().get(f"/tasks/ada/{task.slug}/versions/1/")
    assert version.headers["Location"] == f"/tasks/lab/{task.slug}/versions/1/"
    # And back again.
    task.refresh_from_db()
    transfer_task(task=task, to=ada.namespace, by=ada)
    assert Client().get(f"/tasks/ada/{task.slug}/").status_code == 200
    assert Client().get(f"/tasks/lab/{task.slug}/").status_code == 302
    # Where the address is taken, another one is given.
    make_task(ada, title="Taken")
    task.refresh_from_db()
    move = reverse("tasks:transfer", args=["ada", task.slug])
    assert client_of(ada).post(move, {"handle": "lab", "slug": "a/b"}).status_code == 302
    assert Task.objects.get(pk=task.pk).namespace == ada.namespace
    api = APIClient()
    api.force_authenticate(ada)
    address = f"/api/v1/tasks/{task.public_id}/owner"
    moved = api.put(address, {"namespace": "lab", "slug": "elsewhere"}, format="json")
    assert moved.json()["slug"] == "elsewhere"
    assert Client().get(f"/tasks/ada/{task.slug}/").headers["Location"] == "/tasks/lab/elsewhere/"
    taken = api.put(address, {"namespace": "ada", "slug": "taken"}, format="json")
    assert (taken.status_code, taken.json()["code"]) == (409, "slug-taken")


@pytest.mark.django_db(transaction=True)
def test_what_was_never_published_is_deleted_with_its_file_and_tries(
    ada: Any, make_task: Callable[..., Any], start: Any, work: Callable[[], None]
) -> None:
    task = make_task(ada, publish="")
    task.latest_version = publication.build_version(task=task, by=ada)
    start(task, ada, purpose="try")
    with pytest.raises(Conflict, match="under way"):
        delete_task(task=task, by=ada)
    work()
    address = reverse("tasks:delete", args=["ada", task.slug])
    page = client_of(ada)

    page.post(address)
    assert Task.objects.filter(pk=task.pk).exists()
    page.post(address, {"confirm": "yes"})

    assert not Task.objects.filter(pk=task.pk).exists()
    assert not TaskVersion.objects.exists()
    assert not DataFile.objects.exists()


def test_what_was_published_is_not_deleted(
    ada: Any, bob: Any, make_task: Callable[..., Any]
) -> None:
    task = make_task(ada)
    api = APIClient()
    api.force_authenticate(ada)

    assert api.delete(f"/api/v1/tasks/{task.public_id}").status_code == 409
    api.force_authenticate(bob)
    assert api.delete(f"/api/v1/tasks/{task.public_id}").status_code == 403
    with pytest.raises(NotAllowed):
        set_archived(task=task, is_archived=True, by=bob)
    page = client_of(ada).get(reverse("tasks:settings", args=["ada", task.slug])).content.decode()
    assert "It was published." in page


CODE = """import json

rows = open("/kaggle/input/rows.csv").read()
json.dump({"score": 1.0}, open("plumbmark.result.json", "w"))
"""


def make_code_task(by: Any, settings_text: str = "environment: bare\n") -> Any:
    task = create_task(
        namespace=by.namespace, facts=TaskFacts(title="A program", licence="MIT"), by=by
    )
    save_code_draft(
        task=task,
        code=CODE,
        code_name="sums.py",
        settings_text=settings_text,
        attach=[SimpleUploadedFile("rows.csv", b"a,b\n1,2\n")],
        by=by,
    )
    publication.publish_task(task=task, visibility="public", by=by)
    task.refresh_from_db()
    return task


def test_a_program_is_copied_with_its_settings_and_attached_files(ada: Any, bob: Any) -> None:
    original = make_code_task(ada)
    page = client_of(bob)
    address = reverse("tasks:copy", args=["ada", original.slug, 1])
    assert address in page.get(original.get_absolute_url()).content.decode()
    assert "attached files" in page.get(address).content.decode()

    done = page.post(address, {"title": "Mine"})

    assert done.headers["Location"] == "/tasks/bob/mine/edit/code/"
    copy = Task.objects.get(namespace=bob.namespace)
    assert (copy.copied_from, copy.licence) == (original.latest_version, "MIT")
    draft = copy.draft
    assert draft.code_file.name == "sums.py"
    assert draft.code_file.namespace == bob.namespace
    with draft.code_file.file.open("rb") as file:
        assert file.read().decode() == CODE
    assert draft.code_settings == "environment: bare\n"
    (attached,) = draft.attached_files.all()
    assert (attached.data_file.name, attached.data_file.namespace) == ("rows.csv", bob.namespace)
    mine, theirs = (
        publication.build_version(task=copy, by=bob).question_hash,
        original.latest_version.question_hash,
    )
    assert mine == theirs


def test_a_private_program_is_copied_by_its_authors_alone(ada: Any, bob: Any) -> None:
    original = make_code_task(ada, "environment: bare\nprivate: true\n")
    address = reverse("tasks:copy", args=["ada", original.slug, 1])
    assert address not in client_of(bob).get(original.get_absolute_url()).content.decode()
    assert client_of(bob).get(address).status_code == 404
    api = APIClient()
    api.force_authenticate(bob)
    refused = api.post(
        f"/api/v1/task-versions/{original.latest_version.public_id}/copies", {}, format="json"
    )
    assert refused.status_code == 403
    assert not Task.objects.filter(namespace=bob.namespace).exists()

    copy = copy_task(version=original.latest_version, namespace=ada.namespace, slug="again", by=ada)

    assert TaskDraft.objects.get(task=copy).code_file == original.draft.code_file


def test_a_program_that_does_not_fit_leaves_nothing_behind(
    ada: Any, bob: Any, settings: Any
) -> None:
    original = make_code_task(ada)
    settings.MAX_STORAGE_BYTES = len(CODE) + 1

    with pytest.raises(LimitReached):
        copy_task(version=original.latest_version, namespace=bob.namespace, by=bob)

    assert not DataFile.objects.filter(namespace=bob.namespace).exists()
    assert not Task.objects.filter(namespace=bob.namespace).exists()
