"""Working folders of processes that live, end, and are killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plumbmark.sandbox.locked_folders import locked_folder, remove_left_behind

HOLDS = """\
import subprocess, sys
from pathlib import Path
from plumbmark.sandbox.locked_folders import locked_folder

with locked_folder(Path(sys.argv[1]), "7") as folder:
    (folder / "work").mkdir()
    (folder / "work" / "file").write_text("x")
    (folder / "work").chmod(0o500)
    # A guest that outlives its worker must not hold the folder for it.
    guest = subprocess.Popen(["sleep", "3600"], stdout=subprocess.DEVNULL)
    print(guest.pid, flush=True)
    sys.stdin.read()
"""
NEVER = 10**9


@contextmanager
def held_by_another(base: Path) -> Iterator["subprocess.Popen[str]"]:
    here = Path(__file__).parents[2]
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(base)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{here / 'platform'}{os.pathsep}{here}"},
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    guest = int(holder.stdout.readline())
    try:
        yield holder
    finally:
        os.kill(guest, signal.SIGKILL)
        holder.stdin.close()
        holder.wait(300)
        holder.stdout.close()


def age(base: Path, seconds: float) -> None:
    for path in base.iterdir():
        os.utime(path, (time.time() - seconds,) * 2)


def test_a_folder_stays_as_long_as_its_holder_lives_and_goes_when_it_ends(tmp_path: Path) -> None:
    with held_by_another(tmp_path) as holder:
        age(tmp_path, 10**6)
        assert remove_left_behind(tmp_path, oldest_seconds=1) == 0
        (folder,) = tmp_path.iterdir()
        assert (folder / "work" / "file").read_text() == "x"
        assert holder.stdin is not None
        holder.stdin.close()
        holder.wait(300)
        assert list(tmp_path.iterdir()) == []


def test_a_killed_holders_folder_goes_a_minute_after_it_was_found(tmp_path: Path) -> None:
    with held_by_another(tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait(300)

        age(tmp_path, 10**6)
        assert remove_left_behind(tmp_path, oldest_seconds=NEVER) == 0
        assert remove_left_behind(tmp_path, oldest_seconds=NEVER) == 0
        assert len(list(tmp_path.iterdir())) == 1
        age(tmp_path, 61)
        assert remove_left_behind(tmp_path, oldest_seconds=NEVER) == 1
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_nobody_locked_goes_by_its_age(tmp_path: Path) -> None:
    (tmp_path / "12-abc" / "work").mkdir(parents=True)
    (tmp_path / "a-file").touch()
    age(tmp_path, 100)
    assert remove_left_behind(tmp_path, oldest_seconds=200) == 0
    assert remove_left_behind(tmp_path, oldest_seconds=50) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a-file"]
    assert remove_left_behind(tmp_path / "none", oldest_seconds=50) == 0


def test_an_error_inside_leaves_nothing(tmp_path: Path) -> None:
    def works() -> None:
        with locked_folder(tmp_path / "base", "1") as folder:
            (folder / "src").mkdir()
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        works()
    assert list((tmp_path / "base").iterdir()) == []
