"""What a program may use, and that nothing of it is left when it is stopped."""

import signal
from pathlib import Path

import pytest

from plumbmark.sandbox.contract import MIB, Ending, Limits
from tests.sandbox.conftest import Guest
from tests.sandbox.remains import MARK, left_over, soon


def test_a_program_that_ends_by_itself_is_reported_as_it_ended(guest: Guest) -> None:
    report = guest.run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")

    assert report.ending is Ending.EXITED
    assert report.exit_code == 3
    assert not report.succeeded
    assert (report.stdout, report.stderr) == (b"out\n", b"err\n")
    assert report.wall_seconds > 0
    assert report.peak_memory_bytes > MIB


def test_a_program_reads_its_standard_input_to_the_end(guest: Guest) -> None:
    report = guest.run("import sys; print(len(sys.stdin.read()))", job={"stdin": b"x" * 300_000})

    assert report.stdout == b"300000\n"


def test_a_signal_that_it_brought_on_itself_is_told(guest: Guest) -> None:
    report = guest.run("import ctypes; ctypes.string_at(0)")

    assert report.ending is Ending.KILLED
    assert report.signal == signal.SIGSEGV


def test_a_program_that_does_not_exist_is_told_like_a_shell_does(guest: Guest) -> None:
    report = guest.run("", job={"argv": ["/no/such/program"]})

    assert report.ending is Ending.EXITED
    assert report.exit_code == 127
    assert b"/no/such/program" in report.stderr


def test_the_wall_clock_stops_a_program_that_ignores_every_signal(guest: Guest) -> None:
    program = f"""
import signal, time
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
print("{MARK}-clock", flush=True)
while True: time.sleep(1)
"""
    # More time where the machine was too busy to bring it as far as that.
    for limit in (1.0, 5.0, 60.0):
        report = guest.run(program, wall_seconds=limit)
        if report.stdout:
            break

    assert report.ending is Ending.TIMED_OUT
    assert b"-clock" in report.stdout
    assert report.wall_seconds >= limit
    assert soon(lambda: not left_over(f"{MARK}-clock"))


def test_the_processor_limit_counts_all_processes_together(guest: Guest) -> None:
    report = guest.run(
        """
import os
for _ in range(4): os.fork()
while True: pass
""",
        cpu_seconds=1,
    )

    assert report.ending is Ending.CPU
    # Sixteen, each with a second of its own, would have used sixteen.
    assert report.cpu_seconds < 12


def test_a_hog_that_ignores_the_kernels_warning_is_stopped(guest: Guest) -> None:
    report = guest.run(
        "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        cpu_seconds=1,
    )

    assert report.ending is Ending.CPU


def test_a_memory_bomb_meets_the_address_space_limit(guest: Guest) -> None:
    report = guest.run(
        "x = []\nwhile True: x.append(bytearray(16 << 20))",
        address_space_bytes=256 * MIB,
    )

    assert report.ending is Ending.EXITED
    assert b"MemoryError" in report.stderr
    assert report.peak_memory_bytes < 256 * MIB


def test_many_processes_together_meet_the_memory_limit(guest: Guest) -> None:
    report = guest.run(
        """
import os, time
for _ in range(8):
    if os.fork() == 0:
        hoard = [bytearray(b"x" * (8 << 20)) for _ in range(12)]
        time.sleep(60)
time.sleep(60)
""",
        memory_bytes=256 * MIB,
        address_space_bytes=512 * MIB,
    )

    assert report.ending is Ending.MEMORY
    assert report.peak_memory_bytes < 1200 * MIB


def test_shared_memory_that_was_let_go_still_counts(guest: Guest) -> None:
    report = guest.run(
        """
import mmap, time
hoard = []
for _ in range(8):
    shared = mmap.mmap(-1, 64 << 20)
    shared.write(b"x" * (64 << 20))
    shared.madvise(mmap.MADV_DONTNEED)
    hoard.append(shared)
time.sleep(60)
""",
        memory_bytes=256 * MIB,
    )

    assert report.ending is Ending.MEMORY


def test_shared_memory_counts_once_however_many_processes_share_it(guest: Guest) -> None:
    report = guest.run(
        """
import mmap, os, time
shared = mmap.mmap(-1, 64 << 20)
shared.write(b"x" * (64 << 20))
children = []
for _ in range(6):
    child = os.fork()
    if child == 0:
        for place in range(0, len(shared), 4096): shared[place]
        time.sleep(0.6)
        os._exit(0)
    children.append(child)
for child in children: os.waitpid(child, 0)
""",
        memory_bytes=256 * MIB,
    )

    assert report.succeeded, report.detail


def test_a_fork_bomb_stays_below_the_process_limit(guest: Guest) -> None:
    facts = guest.facts(
        """
import json, os, time
made = 0
try:
    while made < 500:
        if os.fork() == 0: time.sleep(30); os._exit(0)
        made += 1
except OSError as error:
    print(json.dumps({"made": made, "error": error.errno}))
""",
        processes=40,
    )

    # In Landlock the processes of the same user count too, and others may end meanwhile.
    assert 5 <= facts["made"] <= (40 if guest.back_end == "bubblewrap" else 499)
    assert facts["error"] == 11


def test_an_endless_fork_bomb_is_over_with_its_time(guest: Guest) -> None:
    report = guest.run(
        f"""
import os
mark = "{MARK}-bomb"
while True:
    try: os.fork()
    except OSError: pass
""",
        wall_seconds=1.5,
        processes=50,
    )

    assert report.ending is Ending.TIMED_OUT
    assert soon(lambda: not left_over(f"{MARK}-bomb"))


def test_processes_that_replace_themselves_for_ever_are_all_gone(guest: Guest) -> None:
    report = guest.run(
        f"""
import os
mark = "{MARK}-respawn"
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        while True:
            try: child = os.fork()
            except OSError: continue
            if child: os._exit(0)
print("parent leaves")
""",
    )

    assert report.succeeded
    assert report.stdout == b"parent leaves\n"
    assert soon(lambda: not left_over(f"{MARK}-respawn"))


def test_an_orphan_in_a_session_of_its_own_does_not_outlive_the_run(guest: Guest) -> None:
    report = guest.run(
        f"""
import os, time
mark = "{MARK}-orphan"
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(600)
    os._exit(0)
time.sleep(0.2)
print("done")
"""
    )

    assert report.succeeded
    assert soon(lambda: not left_over(f"{MARK}-orphan"))


def test_endless_output_is_cut_at_the_limit(guest: Guest) -> None:
    report = guest.run(
        "import os\nwhile True: os.write(1, b'x' * 65536); os.write(2, b'y' * 65536)",
        output_bytes=100_000,
    )

    assert report.ending is Ending.OUTPUT
    assert len(report.stdout) + len(report.stderr) == 100_000


def test_a_file_beyond_its_limit_cannot_be_written(guest: Guest, work: Path) -> None:
    report = guest.run(
        "open('large', 'wb').write(b'x' * (3 << 20))",
        job={"work": work},
        file_bytes=2 * MIB,
    )

    assert b"File too large" in report.stderr
    assert (work / "large").stat().st_size <= 2 * MIB


def test_files_beyond_the_disk_limit_stop_the_run(guest: Guest, work: Path) -> None:
    report = guest.run(
        """
import time
for number in range(400):
    open(f"{number}", "wb").write(b"x" * (1 << 20))
    time.sleep(0.05)
""",
        job={"work": work},
        disk_bytes=24 * MIB,
    )

    assert report.ending is Ending.DISK
    assert len(list(work.iterdir())) < 400


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("in a folder that nobody may read", "os.chmod('hidden', 0)"),
        ("without a name", "[os.unlink(name) for name in names]"),
    ],
)
def test_files_that_hide_count_all_the_same(guest: Guest, work: Path, what: str, line: str) -> None:
    report = guest.run(
        f"""
import os, time
os.mkdir("hidden")
names = [f"hidden/{{number}}" for number in range(48)]
files = [open(name, "wb") for name in names]
for file in files: file.write(b"x" * (1 << 20)); file.flush()
{line}
time.sleep(30)
""",
        job={"work": work},
        disk_bytes=24 * MIB,
    )

    assert report.ending is Ending.DISK, what


def test_too_many_files_stop_the_run(guest: Guest, work: Path) -> None:
    report = guest.run(
        "import time\nfor n in range(500): open(f'{n}', 'w')\ntime.sleep(30)",
        job={"work": work},
        files=100,
    )

    assert report.ending is Ending.DISK
    assert "100 files" in report.detail


def test_temporary_files_have_a_limit(guest: Guest) -> None:
    report = guest.run(
        """
import os, tempfile, time
with tempfile.TemporaryDirectory() as folder:
    for number in range(64):
        with open(f"{folder}/{number}", "wb") as file: file.write(b"x" * (1 << 20))
    time.sleep(600)
""",
        disk_bytes=16 * MIB,
    )

    assert report.ending is Ending.DISK or b"No space left" in report.stderr


def test_limits_of_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="processes must be above zero"):
        Limits(processes=0)
