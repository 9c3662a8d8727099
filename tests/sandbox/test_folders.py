"""Folders that untrusted programs wrote in: measured, collected and removed without harm."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from plumbmark.sandbox.contract import Limits
from plumbmark.sandbox.folders import (
    Artifact,
    clean_work_folder,
    collect,
    measure,
    open_artifact,
    remove_work_folder,
)
from tests.sandbox.conftest import ORDINARY_USER, PUBLIC_PYTHON, Guest

LIMITS = Limits(file_bytes=10_000, disk_bytes=40_000, files=20)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="plumbmark-folder-"))
    yield made
    subprocess.run(["chmod", "-R", "u+rwx", made], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(made, ignore_errors=True)


def reasons(folder: Path, limits: Limits = LIMITS) -> dict[str, str]:
    return {left.path: left.reason for left in collect(folder, limits).left_out}


def test_regular_files_are_collected_in_the_order_of_their_paths(folder: Path) -> None:
    (folder / "b").write_text("22")
    (folder / "a/deep").mkdir(parents=True)
    (folder / "a/deep/x").write_text("1")
    (folder / "empty").touch()

    found = collect(folder, LIMITS)

    assert list(found) == [Artifact("a/deep/x", 1), Artifact("b", 2), Artifact("empty", 0)]
    assert found.left_out == ()
    with open_artifact(folder, found[0]) as file:
        assert file.read() == b"1"


def test_links_and_special_files_are_left_out_and_named(folder: Path) -> None:
    outside = folder / "inner"
    outside.mkdir()
    (outside / "file").write_text("x")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "folder-link").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    os.link(outside / "file", folder / "second-name")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))

    found = collect(folder, LIMITS)

    assert list(found) == []
    assert reasons(folder) == {
        "folder-link": "it is a link",
        "inner/file": "it has more than one name",
        "link": "it is a link",
        "pipe": "it is no regular file",
        "second-name": "it has more than one name",
        "socket": "it is no regular file",
    }


def test_an_artifact_that_became_a_link_is_not_opened(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a/x").write_text("x")
    (artifact,) = collect(folder, LIMITS)

    shutil.rmtree(folder / "a")
    (folder / "a").symlink_to("/etc")
    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        open_artifact(folder, artifact)
    (folder / "a").unlink()
    (folder / "a").mkdir()
    (folder / "a/x").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic"):
        open_artifact(folder, artifact)
    (folder / "a/x").unlink()
    os.mkfifo(folder / "a/x")
    with pytest.raises(FileNotFoundError, match="no regular file"):
        open_artifact(folder, artifact)


def test_what_goes_beyond_the_limits_is_left_out(folder: Path) -> None:
    (folder / "large").write_bytes(b"x" * 10_001)
    with open(folder / "sparse", "wb") as file:
        file.truncate(1 << 40)
    for number in range(4):
        (folder / f"part-{number}").write_bytes(b"x" * 9_000)
    for number in range(30):
        (folder / f"tiny-{number:02}").touch()

    found = collect(folder, LIMITS)
    told = reasons(folder)

    assert sum(artifact.size for artifact in found) <= LIMITS.work_bytes
    assert len(found) == LIMITS.files
    assert "larger than 10000" in told["large"]
    assert "larger than 10000" in told["sparse"]
    assert "all files together" in told["part-3"]
    assert "more than 20 files" in told["tiny-29"]


def test_names_that_cannot_be_shown_are_left_out_and_escaped(folder: Path) -> None:
    (folder / "line\nbreak").touch()
    with open(os.fsencode(folder) + b"/\xff\xfe", "wb"):
        pass
    (folder / "\u202egpj.exe").touch()

    assert set(reasons(folder)) == {"line\\nbreak", "\\udcff\\udcfe", "\\u202egpj.exe"}


def test_only_the_first_hundred_are_named(folder: Path) -> None:
    for number in range(150):
        (folder / f"{number}").symlink_to("/")

    found = collect(folder, LIMITS)

    assert (len(found.left_out), found.left_out_count) == (100, 150)


def test_a_folder_that_does_not_exist_holds_nothing(folder: Path) -> None:
    assert list(collect(folder / "no", LIMITS)) == []
    assert measure(folder / "no", max_files=10).bytes == 0
    remove_work_folder(folder / "no")


def test_the_work_folder_itself_may_be_no_link(folder: Path) -> None:
    (folder / "link").symlink_to("/etc")

    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        collect(folder / "link", LIMITS)


HOSTILE = """
import os
os.mkdir("locked"); open("locked/file", "w").write("x"); os.mkdir("locked/inner")
open("unreadable", "w").write("x"); os.chmod("unreadable", 0)
os.symlink("/", "root"); os.symlink("locked", "alias"); os.mkfifo("pipe")
os.mkdir("1"); os.mkdir("2"); open("1/2", "w"); os.mkdir("2/1")
open("n" * 255, "w")
top = os.getcwd()
for _ in range(1500):
    os.mkdir("d" * 200); os.chdir("d" * 200)
open("bottom", "w")
os.chmod(".", 0)
os.chdir(top)
os.chmod("locked/inner", 0); os.chmod("locked", 0)
"""


@pytest.mark.parametrize("user", ["own", "ordinary"])
def test_whatever_a_program_leaves_is_removed(user: str, public_checkout: Path) -> None:
    """Locked folders, a tree deeper than any path can be long, names that clash."""
    if user == "ordinary" and os.getuid() != 0:
        pytest.skip("not applicable: the tests themselves run as an ordinary user")
    folder = Path(tempfile.mkdtemp(prefix="plumbmark-hostile-"))
    work = folder / "work"
    work.mkdir()
    folder.chmod(0o755)
    if user == "ordinary":
        for path in (folder, work):
            os.chown(path, ORDINARY_USER, ORDINARY_USER)
    remover = f"""
import pathlib
from plumbmark.sandbox.contract import Limits
from plumbmark.sandbox.folders import collect, measure, remove_work_folder
work = pathlib.Path({str(work)!r})
assert measure(work, max_files=1000).too_deep
found = collect(work, Limits())
assert [a.path for a in found] == ["1/2", "locked/file", "n" * 255, "unreadable"], list(found)
remove_work_folder(work)
"""
    drop = {"user": ORDINARY_USER, "group": ORDINARY_USER, "extra_groups": []}
    for program in (HOSTILE, remover):
        subprocess.run(
            [PUBLIC_PYTHON, "-c", program],
            cwd=work if program is HOSTILE else "/",
            env={"PYTHONPATH": str(public_checkout), "PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
            **(drop if user == "ordinary" else {}),  # type: ignore[call-overload]
        )

    assert not work.exists()
    folder.rmdir()


def test_a_guests_locked_folders_are_collected_and_removed(guest: Guest, work: Path) -> None:
    report = guest.run(
        "import os; os.mkdir('a'); open('a/x', 'w').write('x'); os.chmod('a', 0)",
        job={"work": work},
    )

    assert report.succeeded
    assert list(collect(work, LIMITS)) == [Artifact("a/x", 1)]


def test_a_folder_that_is_cleaned_loses_what_steers_libraries(folder: Path) -> None:
    (folder / ".env").symlink_to("/etc/passwd")
    (folder / ".netrc").write_text("x")
    (folder / "pip.conf").mkdir()
    (folder / "main.py").write_text("x")

    assert clean_work_folder(folder) == [".env", ".netrc"]
    assert {path.name for path in folder.iterdir()} == {"main.py", "pip.conf"}
    assert Path("/etc/passwd").exists()
