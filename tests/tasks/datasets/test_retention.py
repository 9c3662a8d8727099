"""Uploaded files that nothing refers to go after a while, and never one that a row still uses."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction

from plumbmark.background.models import Job
from plumbmark.common import row_files
from plumbmark.common.clock import now, shift_clock
from plumbmark.common.models import LooseFile
from plumbmark.common.retention import purge_policy
from tasks_app.datasets.retention import UNUSED_FILES
from tasks_app.datasets.uploads import store_upload
from tasks_app.models import AttachedFile, DataFile, TaskDraft
from tests.factories import publish_task, submit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


def upload(user: Any, name: str = "a.csv", text: bytes = b"id\n1\n") -> DataFile:
    return store_upload(namespace=user.namespace, upload=SimpleUploadedFile(name, text), by=user)


def age(days: int = 31) -> None:
    DataFile.objects.update(created_at=now() - timedelta(days=days), stored_at=None)


def on_disk(file: DataFile) -> bool:
    return Path(settings.MEDIA_ROOT, file.file.name).exists()


def test_a_file_without_a_use_goes_with_its_bytes(ada: Any) -> None:
    old = upload(ada)
    age()
    young = upload(ada, "b.csv")

    assert purge_policy(UNUSED_FILES) == 1
    assert DataFile.objects.get() == young
    assert not on_disk(old)
    assert on_disk(young)
    assert not LooseFile.objects.exists()


def test_a_file_that_anything_refers_to_stays(ada: Any) -> None:
    version = publish_task(ada)
    run = submit(ada, version, "larch", 2)
    draft = TaskDraft.objects.get(task=version.task)
    attached = upload(ada, "attached.csv")
    AttachedFile.objects.create(draft=draft, data_file=attached)
    code = upload(ada, "code.py", b"print(1)")
    TaskDraft.objects.filter(pk=draft.pk).update(code_file=code)
    age()
    before = set(DataFile.objects.values_list("pk", flat=True))

    assert run.pk
    assert len(before) >= 3
    assert purge_policy(UNUSED_FILES) == 0
    assert set(DataFile.objects.values_list("pk", flat=True)) == before
    assert all(on_disk(file) for file in DataFile.objects.all())


def test_the_same_bytes_sent_again_are_new(ada: Any) -> None:
    file = upload(ada)
    age()

    assert upload(ada) == file
    assert purge_policy(UNUSED_FILES) == 0
    with shift_clock(timedelta(days=31)):
        assert purge_policy(UNUSED_FILES) == 1


def test_a_file_that_goes_while_its_bytes_are_sent_is_stored_anew(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = upload(ada)
    age()
    first = DataFile.objects.filter
    rivals = [lambda: purge_policy(UNUSED_FILES)]

    def find(*conditions: Any, **given: Any) -> Any:
        if "pk" in given and rivals:
            rivals.pop()()
        return first(*conditions, **given)

    monkeypatch.setattr(DataFile.objects, "filter", find)
    new = upload(ada)
    monkeypatch.undo()

    assert new.pk != old.pk
    assert on_disk(new)
    assert not on_disk(old)


def test_a_job_that_waits_keeps_the_files_of_its_namespace(ada: Any, open_account: Any) -> None:
    bob = open_account("bob")
    upload(ada)
    upload(bob)
    age()
    job = Job.objects.create(
        kind="submit", namespace=ada.namespace, created_by=ada, subject="x", title="x"
    )

    assert purge_policy(UNUSED_FILES) == 1
    assert DataFile.objects.get().namespace == ada.namespace
    Job.objects.filter(pk=job.pk).update(state="completed")
    assert purge_policy(UNUSED_FILES) == 1


def test_the_bytes_go_only_when_their_row_has_gone(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = upload(ada)
    age()

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("plumbmark.common.retention._count", die)
    with pytest.raises(KeyboardInterrupt):
        purge_policy(UNUSED_FILES)
    assert DataFile.objects.get() == file
    assert on_disk(file)
    assert not LooseFile.objects.exists()

    # Dead after the commit: a note is left, and the next day its file goes.
    monkeypatch.undo()
    monkeypatch.setattr(default_storage, "delete", die)
    with pytest.raises(KeyboardInterrupt):
        purge_policy(UNUSED_FILES)
    monkeypatch.undo()
    assert not DataFile.objects.exists()
    assert on_disk(file)
    with shift_clock(timedelta(days=2)):
        assert row_files.remove_orphans() == 1
    assert not on_disk(file)


def test_a_file_that_is_taken_while_it_is_purged_stays(ada: Any) -> None:
    """One transaction takes the file, and commits while the purge waits for its row."""
    if connection.vendor == "sqlite":
        pytest.skip("not applicable: SQLite has one writer")
    version = publish_task(ada)
    file = upload(ada, "taken.csv")
    age()
    purged: list[int] = []

    def run() -> None:
        purged.append(purge_policy(UNUSED_FILES))
        connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        TaskDraft.objects.filter(task=version.task).update(code_file=file)
        # The check of the foreign key is put off to the end; a row that refers to it locks it.
        DataFile.objects.select_for_update().get(pk=file.pk)
        thread.start()
        thread.join(1)
    thread.join()

    assert purged == [0]
    assert TaskDraft.objects.get(task=version.task).code_file == file
    assert on_disk(file)
