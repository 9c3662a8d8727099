"""From the start of a run to its last process: streaming, cancelling, and a worker that dies."""

import asyncio
import contextlib
import gc
import os
import pickle
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from plumbmark.sandbox.bubblewrap import Bubblewrap
from plumbmark.sandbox.contract import (
    Ending,
    ExecutionReport,
    Limits,
    Mount,
    Sandbox,
    SandboxJob,
)
from plumbmark.sandbox.identity import guest_identity
from plumbmark.sandbox.interpreter import (
    environment_mounts,
    private_interpreter,
)
from tests.sandbox import driver
from tests.sandbox.conftest import BACK_ENDS, ORDINARY_USER, PUBLIC_PYTHON, unavailable
from tests.sandbox.remains import MARK, left_over, soon

CLINGING = f"""
import os, signal, sys, time
mark = "{MARK}-NAME"
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        break
print("up", flush=True)
while True: time.sleep(1)
"""


@pytest.fixture(params=BACK_ENDS)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    if reason := unavailable(request.param):
        pytest.skip(reason)
    return driver.back_end(request.param)


def job(sandbox: Sandbox, program: str, **limits: float) -> SandboxJob:
    return SandboxJob(argv=[sandbox.python, "-I", "-c", program], limits=Limits(**limits))  # type: ignore[arg-type]


def test_output_is_told_while_the_program_runs(sandbox: Sandbox, tmp_path: Path) -> None:
    """The program goes on only when its first line was heard here."""
    tmp_path.chmod(0o755)
    heard: list[bytes] = []
    data = tmp_path / "data"
    data.mkdir()
    program = """
import os, sys, time
print("first", flush=True)
while not os.path.exists(os.environ["DATA"] + "/go"): time.sleep(0.01)
print("second", file=sys.stderr)
"""

    def hear(piece: bytes) -> None:
        heard.append(piece)
        (data / "go").touch()

    asked = SandboxJob(
        argv=[sandbox.python, "-I", "-c", program],
        mounts=[Mount(data, "/kaggle/input/data")],
        environment={"DATA": "/kaggle/input/data"},
    )
    report = asyncio.run(sandbox.run(asked, on_output=hear))

    assert report.succeeded, report
    assert heard == [b"first\n", b"second\n"]


def test_a_listener_that_fails_ends_the_run_and_its_error_goes_on(sandbox: Sandbox) -> None:
    def fail(piece: bytes) -> None:
        raise KeyError("the listener's own")

    with pytest.raises(KeyError, match="the listener's own"):
        asyncio.run(sandbox.run(job(sandbox, CLINGING.replace("NAME", "listener")), on_output=fail))

    assert left_over(f"{MARK}-listener") == []


def test_cancelling_kills_every_process_before_it_returns(sandbox: Sandbox) -> None:
    async def main() -> None:
        up = asyncio.Event()
        running = asyncio.create_task(
            sandbox.run(
                job(sandbox, CLINGING.replace("NAME", "cancel")), on_output=lambda _: up.set()
            )
        )
        await asyncio.wait_for(up.wait(), 120)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())

    assert left_over(f"{MARK}-cancel") == []


@pytest.mark.parametrize("pause", [0.0, 0.005, 0.015, 0.03])
def test_cancelling_while_it_starts_leaves_nothing(sandbox: Sandbox, pause: float) -> None:
    async def main() -> None:
        running = asyncio.create_task(sandbox.run(job(sandbox, CLINGING.replace("NAME", "early"))))
        await asyncio.sleep(pause)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())

    assert soon(lambda: left_over(f"{MARK}-early") == [])


@pytest.fixture
def own_temporary_folder() -> Iterator[Path]:
    """Open to every user, and of one test alone: others run sandboxes at the same time."""
    folder = Path(tempfile.mkdtemp(prefix="plumbmark-life-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def open_descriptors() -> set[str]:
    """Return those of this process, each told by what stands behind it, since numbers are given
    again.
    """
    gc.collect()
    found = set()
    for name in os.listdir("/proc/self/fd"):
        # The one that lists the folder is gone by now.
        with contextlib.suppress(FileNotFoundError):
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
    return found


def mounts_of_sandboxes() -> set[str]:
    """Return the mounts where staging mounts; elsewhere others of this machine come and go."""
    places = (tempfile.gettempdir(), "/tmp")
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return {line for line in lines if line.split(" ")[1].startswith(places)}


def test_descriptors_mounts_and_folders_are_given_back(
    sandbox: Sandbox, own_temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(own_temporary_folder))
    asyncio.run(sandbox.run(job(sandbox, "pass")))
    descriptors = open_descriptors()
    mounts = mounts_of_sandboxes()

    for program in ("pass", "raise SystemExit(3)", "import time; time.sleep(60)"):
        asyncio.run(sandbox.run(job(sandbox, program, wall_seconds=0.3)))

    # Others may have been closed meanwhile: those of an earlier test that were only now collected.
    assert open_descriptors() - descriptors == set()
    assert mounts_of_sandboxes() - mounts == set()
    assert os.listdir(own_temporary_folder) == []


def test_many_run_at_once(sandbox: Sandbox) -> None:
    async def main() -> list[ExecutionReport]:
        return await asyncio.gather(
            *[sandbox.run(job(sandbox, f"print({number})")) for number in range(12)]
        )

    reports = asyncio.run(main())

    assert [report.stdout for report in reports] == [b"%d\n" % n for n in range(12)]


@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("user", ["own", "ordinary"])
def test_a_worker_that_is_killed_takes_its_guests_with_it(
    back_end: str, user: str, public_checkout: Path, own_temporary_folder: Path
) -> None:
    if reason := unavailable(back_end):
        pytest.skip(reason)
    if user == "ordinary" and os.getuid() != 0:
        pytest.skip("not applicable: the tests themselves run as an ordinary user")
    mark = f"kill-{back_end}-{user}"
    program = CLINGING.replace("NAME", mark)
    asked = SandboxJob(argv=[PUBLIC_PYTHON, "-I", "-c", program])
    drop = {"user": ORDINARY_USER, "group": ORDINARY_USER, "extra_groups": []}
    with tempfile.TemporaryFile() as request:
        request.write(pickle.dumps((back_end, asked)))
        request.seek(0)
        worker = subprocess.Popen(
            [PUBLIC_PYTHON, "-B", public_checkout / "driver.py"],
            stdin=request,
            stdout=subprocess.DEVNULL,
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(public_checkout),
                "TMPDIR": str(own_temporary_folder),
            },
            cwd="/",
            **(drop if user == "ordinary" else {}),  # type: ignore[call-overload]
        )
    assert soon(lambda: len(left_over(f"{MARK}-{mark}")) >= 4)

    worker.send_signal(signal.SIGKILL)
    worker.wait()

    assert soon(lambda: left_over(f"{MARK}-{mark}") == [])


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_an_interpreter_and_data_in_a_private_home_can_be_used(
    back_end: str, tmp_path: Path
) -> None:
    """Root's guest is a user who gets to neither: both are staged. An ordinary user's guest is the
    same user, and nothing needs to be."""
    if reason := unavailable(back_end):
        pytest.skip(reason)
    tmp_path.chmod(0o700)
    data, work = tmp_path / "data", tmp_path / "work"
    data.mkdir()
    work.mkdir(mode=0o700)
    (data / "rows").write_text("rows")
    sandbox = driver.back_end(back_end, interpreter=private_interpreter())
    mounts = mounts_of_sandboxes()
    program = """
import json, math, os, ssl, sys
open("made", "w").write(open(os.environ["DATA"] + "/rows").read())
print(sys.version_info[:2], len(json.dumps([1])), os.listdir("."))
"""

    report = asyncio.run(
        sandbox.run(
            SandboxJob(
                argv=[sandbox.python, "-I", "-c", program],
                work=work,
                mounts=[Mount(data, "/kaggle/input/data")],
                environment={"DATA": "/kaggle/input/data"},
            )
        )
    )

    assert report.succeeded, report
    assert (work / "made").read_text() == "rows"
    assert mounts_of_sandboxes() - mounts == set()


def test_paths_of_the_interpreters_home_are_not_shown_inside() -> None:
    interpreter = private_interpreter()
    if not interpreter.mounts:
        pytest.skip("not applicable: this Python is the system's")

    assert interpreter.inside.startswith("/opt/python/bin/python3")


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_a_virtual_environment_can_be_mounted(back_end: str, tmp_path: Path) -> None:
    if reason := unavailable(back_end):
        pytest.skip(reason)
    folder = tmp_path / "environment"
    subprocess.run([PUBLIC_PYTHON, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python3*/site-packages"))
    (packages / "plumbmark_probe.py").write_text("VALUE = 41 + 1\n")
    python = folder / "bin/python"
    sandbox = driver.back_end(back_end)

    report = asyncio.run(
        sandbox.run(
            SandboxJob(
                argv=["/opt/own/bin/python", "-c", "import plumbmark_probe as p; print(p.VALUE)"],
                mounts=environment_mounts(python, at="/opt/own"),
            )
        )
    )

    assert report.stdout == b"42\n", report


def test_what_cannot_be_started_is_no_fault_of_the_program() -> None:
    if reason := unavailable("bubblewrap"):
        pytest.skip(reason)
    sandbox = Bubblewrap(identity=guest_identity())
    source = Path(tempfile.mkdtemp(prefix="plumbmark-gone-"))
    source.chmod(0o755)
    (source / "file").touch()
    nested = [Mount(source, "/data"), Mount(source, "/data/no/such/folder")]

    report = asyncio.run(sandbox.run(SandboxJob(argv=["true"], mounts=nested)))
    shutil.rmtree(source)

    assert report.ending is Ending.FAILED_TO_START
    assert report.exit_code is None
    assert "/data/no/such" in report.detail


def test_a_run_starts_with_far_less_than_a_second_of_work(sandbox: Sandbox) -> None:
    """No figure, only an order of magnitude; bench/sandbox.py measures. Of the processors' time,
    which others that are busy do not take."""
    before = os.times()
    asyncio.run(sandbox.run(job(sandbox, "pass")))
    after = os.times()

    assert sum(after[:4]) - sum(before[:4]) < 5
