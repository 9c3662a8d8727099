"""What people store, how much they may, and that they hear of it before it is too late."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from benchmarks_app.actions.authoring import create_benchmark
from plumbmark.accounts.usage import LimitReached, storage_of, usage_of
from tasks_app.authoring import actions as authoring
from tasks_app.authoring import drafts
from tasks_app.datasets.actions import attach_media
from tasks_app.models import DataFile, Task, TaskDraft
from tests.media_files import image

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(open_account: Any) -> Any:
    return open_account("ada")


def new_task(user: Any, title: str = "Sums") -> Task:
    return authoring.create_task(
        namespace=user.namespace, facts=authoring.TaskFacts(title=title), by=user
    )


def upload(task: Task, size: int, name: str = "items.csv") -> None:
    drafts.save_draft(
        task=task,
        upload=SimpleUploadedFile(name, b"x" * size),
        replaces_fitting_file=True,
        by=task.created_by,
    )


def test_files_add_up_and_one_too_many_is_refused_and_leaves_nothing(
    ada: Any, settings: Any
) -> None:
    settings.MAX_STORAGE_BYTES = 2000
    first, second = new_task(ada), new_task(ada, "More")
    upload(first, 1200)
    assert storage_of(ada.namespace).used == 1200

    with pytest.raises(LimitReached) as error:
        upload(second, 801)

    assert error.value.code == "limit-reached"
    assert "ada uses 1.2\xa0KB of 2.0\xa0KB of storage, so 801\xa0bytes more" in error.value.message
    assert storage_of(ada.namespace).used == 1200
    assert TaskDraft.objects.get(task=second).data_file is None
    upload(second, 800)
    assert storage_of(ada.namespace).used == 2000


def test_a_replaced_file_makes_room(ada: Any, settings: Any) -> None:
    settings.MAX_STORAGE_BYTES = 1000
    task = new_task(ada)
    upload(task, 1000)
    upload(task, 900, "smaller.csv")

    assert storage_of(ada.namespace).used == 900
    assert DataFile.objects.count() == 1


def test_images_count_once(ada: Any) -> None:
    picture = image()
    for title in ("Cats", "Dogs"):
        files = [SimpleUploadedFile(name, picture) for name in ("a.png", "b.png")]
        attach_media(task=new_task(ada, title), uploads=files, by=ada)

    assert storage_of(ada.namespace).used == len(picture)


def test_images_that_do_not_fit_are_refused_and_leave_nothing(ada: Any, settings: Any) -> None:
    settings.MAX_STORAGE_BYTES = 10
    task = new_task(ada)

    with pytest.raises(LimitReached):
        attach_media(task=task, uploads=[SimpleUploadedFile("a.png", image())], by=ada)

    assert not task.draft.attachment_uses.exists()


def test_a_namespace_can_have_a_limit_of_its_own(ada: Any, settings: Any) -> None:
    settings.MAX_STORAGE_BYTES = 10
    ada.namespace.max_storage_mib = 1
    ada.namespace.save()
    task = new_task(ada)

    upload(task, 2**20)

    assert storage_of(task.namespace).limit == 2**20


def test_tasks_and_benchmarks_are_as_many_as_the_installation_says(ada: Any, settings: Any) -> None:
    settings.MAX_TASKS = settings.MAX_BENCHMARKS = 1
    new_task(ada)
    create_benchmark(namespace=ada.namespace, title="Board", by=ada)

    with pytest.raises(LimitReached, match=r"ada has 1 of 1: Tasks\."):
        new_task(ada, "Second")
    with pytest.raises(LimitReached, match=r"ada has 1 of 1: Benchmarks\."):
        create_benchmark(namespace=ada.namespace, title="Second", by=ada)


def test_pages_and_api_tell_it_before_it_is_reached(
    ada: Any, settings: Any, client: Client, django_assert_max_num_queries: Any
) -> None:
    settings.MAX_STORAGE_BYTES = 1000
    task = new_task(ada)
    client.force_login(ada)
    upload(task, 799)
    assert "nearly full" not in client.get(f"{task.get_absolute_url()}edit/").content.decode()
    upload(task, 800, "more.csv")

    editor = client.get(f"{task.get_absolute_url()}edit/").content.decode()
    with django_assert_max_num_queries(16):
        page = client.get("/settings/usage/").content.decode()
    limits = client.get("/api/v1/me").json()["limits"]

    assert "Storage is nearly full: 800\xa0bytes of 1000\xa0bytes are used." in editor
    assert "800\xa0bytes of 1000\xa0bytes" in page
    assert page.count("nearly full") == 1
    assert limits[0] == {"name": "storage", "used": 800, "limit": 1000}
    assert [one["name"] for one in limits] == ["storage", "tokens", "tasks", "benchmarks"]
    assert [one.used for one in usage_of(ada.namespace)] == [800, 0, 1, 0]


def test_the_limit_is_told_on_the_page_that_reaches_it(
    ada: Any, settings: Any, client: Client
) -> None:
    settings.MAX_STORAGE_BYTES = 10
    settings.MAX_TASKS = 1
    task = new_task(ada)
    client.force_login(ada)

    file = SimpleUploadedFile("items.csv", b"question,answer\n1,2\n")
    answer = client.post(f"{task.get_absolute_url()}edit/", {"definition": "", "data_file": file})
    more = client.post("/tasks/new/", {"title": "Second"})

    assert answer.status_code == 409
    assert "do not fit" in answer.content.decode()
    assert more.status_code in {409, 422}
    assert "ada has 1 of 1" in more.content.decode()
