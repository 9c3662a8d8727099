"""Sending images and audio: one by one, in ZIPs, and everything that can be wrong with those."""

import io
import struct
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from plumbmark.common.clock import now
from plumbmark.common.errors import InvalidInput, NotAllowed
from tasks_app.authoring import actions as authoring
from tasks_app.datasets import actions as attaching
from tasks_app.datasets.media import storage
from tasks_app.models import Attachment, AttachmentUse, Task
from tests.media_files import image, wav, zipped

pytestmark = pytest.mark.django_db


@pytest.fixture
def task(open_account: Any, settings: Any, tmp_path: Path) -> Task:
    settings.MEDIA_ROOT = tmp_path / "files"
    ada = open_account("ada")
    return authoring.create_task(
        namespace=ada.namespace, facts=authoring.TaskFacts(title="Colours"), by=ada
    )


def attach(task: Task, files: dict[str, bytes], **given: Any) -> None:
    uploads = [SimpleUploadedFile(name, data) for name, data in files.items()]
    attaching.attach_media(task=task, uploads=uploads, by=task.created_by, **given)


def problems(task: Task, files: dict[str, bytes]) -> list[str]:
    before = list(AttachmentUse.objects.values_list("name", "attachment"))
    with pytest.raises(InvalidInput) as error:
        attach(task, files)
    assert list(AttachmentUse.objects.values_list("name", "attachment")) == before
    assert {problem.path for problem in error.value.problems} == {"media"}
    return [problem.message for problem in error.value.problems]


def names(task: Task) -> list[str]:
    return list(task.draft.attachment_uses.order_by("name").values_list("name", flat=True))


def files_on_disk(settings: Any) -> list[str]:
    root = Path(settings.MEDIA_ROOT)
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_equal_bytes_are_stored_once_for_everybody(
    task: Task, open_account: Any, settings: Any
) -> None:
    bob = open_account("bob")
    other = authoring.create_task(
        namespace=bob.namespace, facts=authoring.TaskFacts(title="Also colours"), by=bob
    )

    attach(task, {"red.png": image(), "same.png": image(), "beep.wav": wav()})
    attach(other, {"rot.png": image()})

    assert Attachment.objects.count() == 2
    assert len(files_on_disk(settings)) == 2
    assert names(task) == ["beep.wav", "red.png", "same.png"]
    row = Attachment.objects.get(media_type="image/png")
    assert files_on_disk(settings)[0].partition(".")[0] in {
        one.sha256 for one in Attachment.objects.all()
    }
    assert (row.width, row.height, row.size) == (32, 24, len(image()))


def test_the_type_is_told_from_the_bytes_and_not_from_the_name(task: Task) -> None:
    attach(task, {"photo.gif": image("JPEG")})

    assert Attachment.objects.get().media_type == "image/jpeg"


def test_a_zip_brings_its_folders_and_leaves_out_what_file_managers_put_in(task: Task) -> None:
    archive = zipped(
        {
            "photos/": b"",
            "photos/red.png": image(),
            "photos/.DS_Store": b"x",
            "__MACOSX/photos/._red.png": b"x",
            "beep.wav": wav(),
        }
    )

    attach(task, {"all.zip": archive, "blue.png": image(colour="blue")})

    assert names(task) == ["beep.wav", "blue.png", "photos/red.png"]


def test_later_ones_are_added_replace_or_are_let_go(task: Task) -> None:
    attach(task, {"a.png": image(colour="red"), "b.png": image(colour="blue")})
    attach(task, {"a.png": image(colour="green"), "c.png": image()}, remove=["b.png"])

    assert names(task) == ["a.png", "c.png"]
    green = storage.files_of(task.draft).files["a.png"].sha256
    assert green == Attachment.objects.order_by("id")[2].sha256

    attach(task, {}, remove=["*"])

    assert names(task) == []


def test_every_file_that_is_wrong_is_named_and_nothing_is_taken(task: Task, settings: Any) -> None:
    archive = zipped({"deep/page.png": b"<html><script>", "fine.png": image()})

    said = problems(
        task, {"words.png": b"words", "all.zip": archive, "good.png": image(colour="blue")}
    )

    assert said[0].startswith("'words.png' is a text;")
    assert said[1].startswith("'deep/page.png' is an HTML page;")
    assert len(said) == 2
    assert files_on_disk(settings) == []


def test_two_of_one_name_are_refused(task: Task) -> None:
    said = problems(task, {"red.png": image(), "all.zip": zipped({"red.png": image("GIF")})})

    assert said == ["'red.png' was sent twice; leave one"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../up.png", "leads out of its folder"),
        ("a/../../up.png", "leads out of its folder"),
        ("/etc/passwd.png", "is no plain path"),
        ("C:/windows.png", "is no plain path"),
        ("a//b.png", "through an empty one"),
        ("line\nbreak.png", "control character"),
        ("\u202egnp.exe", "invisible character"),
        ("n" * 201, "at most 200"),
    ],
)
def test_names_that_are_no_plain_paths_are_refused(task: Task, name: str, says: str) -> None:
    (said,) = problems(task, {"all.zip": zipped({name: image()})})

    assert says in said


def test_a_zip_bomb_is_read_no_further_than_a_file_may_be(task: Task, settings: Any) -> None:
    settings.MAX_ATTACHMENT_BYTES = 10_000
    bomb = zipped({"bomb.png": b"\x89PNG\r\n\x1a\n" + bytes(50_000_000)})
    assert len(bomb) < 60_000
    # It says that it holds ten bytes.
    lying = bomb.replace(struct.pack("<I", 50_000_008), struct.pack("<I", 10))

    assert "has 10,001 bytes; at most 10,000" in problems(task, {"all.zip": bomb})[0]
    assert problems(task, {"all.zip": lying})


def test_too_many_entries_and_too_many_bytes_are_refused(task: Task, settings: Any) -> None:
    settings.MAX_ATTACHMENTS = 3
    many = zipped({f"{n}.png": image(colour=f"#{n:06x}") for n in range(5)})
    assert "at most 3 images" in problems(task, {"all.zip": many})[0]
    crowd = zipped({f"folder{n}/": b"" for n in range(1100)})
    assert "1,100 entries" in problems(task, {"all.zip": crowd})[0]
    attach(task, {"a.png": image(colour="red"), "b.png": image(colour="blue")})
    two = {"c.png": image(colour="green"), "d.png": image(colour="white")}
    assert "at most 3 images" in problems(task, two)[0]
    settings.MAX_ATTACHMENTS = 100
    settings.MAX_ATTACHMENTS_BYTES = 2 * len(image()) + 10
    assert "of together" in problems(task, {"c.png": image(colour="green")})[0]


def test_archives_that_cannot_be_read_are_told(task: Task) -> None:
    whole = zipped({"red.png": image()})
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("red.png", image())

    assert "is no ZIP that can be read" in problems(task, {"all.zip": whole[:-30]})[0]
    assert "is no ZIP that can be read" in problems(task, {"all.zip": b"nothing"})[0]
    assert "in a rare way" in problems(task, {"all.zip": target.getvalue()})[0]
    broken = bytearray(whole)
    broken[45:60] = bytes(15)
    assert problems(task, {"all.zip": bytes(broken)})
    locked = bytearray(whole)
    locked[whole.index(b"PK\x01\x02") + 8] |= 1
    assert "without a password" in problems(task, {"all.zip": bytes(locked)})[0]


def test_only_the_tasks_authors_attach(task: Task, open_account: Any) -> None:
    with pytest.raises(NotAllowed):
        attaching.attach_media(task=task, uploads=[], by=open_account("eve"))


def test_what_nothing_uses_goes_a_day_later_with_its_file(task: Task, settings: Any) -> None:
    attach(task, {"a.png": image(colour="red"), "b.png": image(colour="blue")})
    attach(task, {}, remove=["b.png"])

    assert storage.remove_unused() == 0
    Attachment.objects.update(stored_at=now() - timedelta(days=2))
    # What is brought again stays.
    attach(task, {"b.png": image(colour="blue")})
    attach(task, {}, remove=["b.png"])
    assert storage.remove_unused() == 0
    Attachment.objects.update(stored_at=now() - timedelta(days=2))

    assert storage.remove_unused() == 1
    assert Attachment.objects.count() == len(files_on_disk(settings)) == 1
    assert names(task) == ["a.png"]
