"""A process that is killed between a file and its row leaves nothing behind for good."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from plumbmark.common.clock import shift_clock
from plumbmark.common.jobs import remove_forgotten_files
from plumbmark.common.models import LooseFile
from tasks_app.authoring import actions as authoring
from tasks_app.datasets import actions as attaching
from tasks_app.datasets.media import inspect_media, storage
from tasks_app.datasets.uploads import forget_upload, store_upload
from tasks_app.models import Attachment, DataFile, Task
from tests.media_files import image

pytestmark = pytest.mark.django_db(transaction=True)

# Killed for good at the named statement: no handler of an error runs.
KILLED = """\
import os, signal, sys
import plumbmark.config.settings as chosen
chosen.DATABASES["default"]["NAME"], chosen.MEDIA_ROOT = sys.argv[1:3]
import django
django.setup()
from django.core.files.uploadedfile import SimpleUploadedFile
from plumbmark.accounts.models import User
from tasks_app.datasets.media import inspect_media, storage
from tasks_app.datasets.uploads import forget_upload, store_upload
from tasks_app.models import Attachment, DataFile
from tests.media_files import image

def die(*given, **more):
    os.kill(os.getpid(), signal.SIGKILL)

ada = User.objects.get(namespace__handle="ada")
{act}
print("still here")
"""
ATTACHED = """\
Attachment.save = die
storage.store_media(inspect_media(image(), storage.media_limits()), image())
"""
UPLOADED = """\
DataFile.save = die
upload = SimpleUploadedFile("a.csv", b"question,answer")
store_upload(namespace=ada.namespace, upload=upload, by=ada)
"""
FORGOTTEN = """\
import tasks_app.datasets.uploads as uploads
uploads.remove_files = die
forget_upload(DataFile.objects.get())
"""


@pytest.fixture
def ada(open_account: Callable[..., Any], settings: Any, tmp_path: Path) -> Any:
    settings.MEDIA_ROOT = tmp_path / "files"
    return open_account("ada")


def killed_at(act: str, settings: Any) -> None:
    name = str(connection.settings_dict["NAME"])
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(act=act), name, str(settings.MEDIA_ROOT)],
        capture_output=True,
        text=True,
        timeout=600,
        env=_environment(),
        check=False,
    )
    assert done.returncode == -9, done.stdout + done.stderr


def _environment() -> dict[str, str]:
    here = Path(__file__).parents[3]
    path = f"{here / 'platform'}{os.pathsep}{here}"
    return {
        **os.environ,
        "PYTHONPATH": path,
        "DJANGO_SETTINGS_MODULE": "plumbmark.config.settings",
    }


def on_disk(settings: Any) -> int:
    return sum(path.is_file() for path in Path(settings.MEDIA_ROOT).rglob("*"))


@pytest.mark.parametrize("act", [ATTACHED, UPLOADED], ids=["attachment", "data file"])
def test_a_file_whose_row_never_came_goes_a_day_later(ada: Any, settings: Any, act: str) -> None:
    killed_at(act, settings)
    assert on_disk(settings) == 1
    assert Attachment.objects.count() + DataFile.objects.count() == 0

    assert remove_forgotten_files() == 0
    assert on_disk(settings) == 1
    with shift_clock(timedelta(days=1, minutes=1)):
        assert remove_forgotten_files() == 1
    assert on_disk(settings) == LooseFile.objects.count() == 0


def test_a_file_whose_row_went_without_it_goes_a_day_later(ada: Any, settings: Any) -> None:
    upload = SimpleUploadedFile("a.csv", b"question,answer")
    store_upload(namespace=ada.namespace, upload=upload, by=ada)
    killed_at(FORGOTTEN, settings)
    assert (on_disk(settings), DataFile.objects.count()) == (1, 0)

    with shift_clock(timedelta(days=1, minutes=1)):
        assert remove_forgotten_files() == 1
    assert on_disk(settings) == 0


def test_the_same_bytes_brought_again_stay_when_the_lost_ones_go(ada: Any, settings: Any) -> None:
    killed_at(ATTACHED, settings)
    task: Task = authoring.create_task(
        namespace=ada.namespace, facts=authoring.TaskFacts(title="Colours"), by=ada
    )
    attaching.attach_media(
        task=task, uploads=[SimpleUploadedFile("a.png", image())], by=task.created_by
    )
    assert on_disk(settings) == 2

    with shift_clock(timedelta(days=1, minutes=1)):
        assert remove_forgotten_files() == 1
        assert storage.remove_unused() == 0
    assert Path(Attachment.objects.get().file.path).read_bytes() == image()
    assert on_disk(settings) == 1


def test_a_row_that_cannot_be_written_leaves_no_file(
    ada: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: Any, **more: Any) -> None:
        raise OSError("no room")

    monkeypatch.setattr(Attachment, "save", fails)
    with pytest.raises(OSError, match="no room"):
        storage.store_media(inspect_media(image(), storage.media_limits()), image())
    assert on_disk(settings) == LooseFile.objects.count() == 0


def test_what_is_kept_and_let_go_in_order_leaves_no_note(ada: Any, settings: Any) -> None:
    upload = SimpleUploadedFile("a.csv", b"question,answer")
    kept = store_upload(namespace=ada.namespace, upload=upload, by=ada)
    assert (on_disk(settings), LooseFile.objects.count()) == (1, 0)
    forget_upload(kept)
    assert (on_disk(settings), LooseFile.objects.count()) == (0, 0)
