"""What is found out about a machine, on this one and on simulated ones."""

import asyncio
import os
import pickle
import struct
import subprocess
from pathlib import Path

import pytest

from plumbmark.sandbox import probe, seccomp
from plumbmark.sandbox.backends import Probe, examine
from plumbmark.sandbox.bubblewrap import Bubblewrap, Flavour
from plumbmark.sandbox.contract import (
    Ending,
    ExecutionReport,
    Sandbox,
    SandboxJob,
    SandboxUnavailable,
)
from plumbmark.sandbox.landlock import Landlock
from tests.sandbox.conftest import ORDINARY_USER, PUBLIC_PYTHON, unavailable

TELL = """
import pickle, sys
from plumbmark.sandbox import probe
found = probe()
pickle.dump((found.sandbox and found.sandbox.name, getattr(found.sandbox, "_flavour", None),
             found.reason, found.caveats, found.tests), sys.stdout.buffer)
"""


def test_this_machine_is_examined_once() -> None:
    found = probe()

    assert probe() is found
    if found.sandbox is None:
        assert found.reason
    else:
        assert found.reason == ""
        assert found.tests[-1].passed
        assert found.tests[-1].back_end == found.sandbox.name


def test_it_can_be_asked_in_a_running_event_loop() -> None:
    async def main() -> Probe:
        return examine([("landlock", Landlock)])

    assert asyncio.run(main()).tests[0].back_end == "landlock"


class Leaking:
    """A back end that keeps nothing apart: what the examination must find out."""

    name = "leaking"
    python = PUBLIC_PYTHON
    caveats: tuple[str, ...] = ()

    async def run(self, job: SandboxJob, *, on_output: object = None) -> ExecutionReport:
        done = await asyncio.to_thread(
            subprocess.run, list(job.argv), capture_output=True, check=False
        )
        return ExecutionReport(
            Ending.EXITED, done.returncode, None, done.stdout, done.stderr, 0, 0, 0, ""
        )


def test_a_back_end_that_leaks_is_not_taken() -> None:
    leaking: Sandbox = Leaking()

    found = examine([("leaking", lambda: leaking)])

    assert found.sandbox is None
    assert "could read a file of the host" in found.reason


def test_a_back_end_that_fails_is_named_with_its_reason() -> None:
    def fail() -> Sandbox:
        raise SandboxUnavailable("It is not installed.")

    found = examine([("first", fail), ("second", fail)])

    assert found.sandbox is None
    assert found.reason == (
        "Programs cannot be run on this machine. first: It is not installed. "
        "second: It is not installed."
    )


def test_an_old_landlock_is_refused_with_the_kernel_that_is_needed() -> None:
    with pytest.raises(SandboxUnavailable, match=r"Linux 6\.2"):
        Landlock(version=2)


def test_a_landlock_without_scopes_lets_no_signals_out(public_checkout: Path) -> None:
    """As on Linux 6.2 to 6.11; the filter then refuses all signals."""
    if reason := unavailable("landlock"):
        pytest.skip(reason)
    sandbox = Landlock(version=4)
    program = """
import os
for act in (lambda: os.kill(os.getpid(), 0), lambda: os.kill(os.getppid(), 9), os.abort):
    try: act(); print("sent")
    except PermissionError: print("refused", flush=True)
"""

    report = asyncio.run(sandbox.run(SandboxJob(argv=[sandbox.python, "-I", "-c", program])))

    assert report.stdout == b"refused\nrefused\n"
    assert report.ending is Ending.KILLED
    assert any("signals" in caveat for caveat in sandbox.caveats)


@pytest.mark.parametrize("flavour", [Flavour(proc=False), Flavour(disable_userns=False)])
def test_a_lesser_flavour_of_bubblewrap_holds_and_says_what_is_less(flavour: Flavour) -> None:
    if reason := unavailable("bubblewrap"):
        pytest.skip(reason)

    found = examine([("bubblewrap", lambda: Bubblewrap(flavour=flavour))])

    assert found.sandbox is not None, found.reason
    assert len(found.caveats) == 1


def as_ordinary_user_in(prepare: str, checkout: Path) -> tuple[object, ...]:
    """Return what an ordinary user finds after root prepared a mount namespace with shell
    commands.
    """
    if os.getuid() != 0:
        pytest.skip("not applicable: only root can simulate this")
    user = f"--reuid {ORDINARY_USER} --regid {ORDINARY_USER} --clear-groups"
    done = subprocess.run(
        [
            *["unshare", "--mount", "--propagation", "private", "sh", "-ec"],
            f'{prepare}\nexec setpriv {user} "$@"',
            *["sh", PUBLIC_PYTHON, "-B", "-c", TELL],
        ],
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONPATH": str(checkout)},
        cwd="/",
        capture_output=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr.decode()
    found = pickle.loads(done.stdout)
    assert isinstance(found, tuple)
    return found


def test_a_partly_masked_proc_leads_to_bubblewrap_without_proc(public_checkout: Path) -> None:
    """As container engines mask it: the kernel then refuses a new one."""
    if reason := unavailable("bubblewrap"):
        pytest.skip(reason)
    prepare = "mount -t tmpfs none /proc/scsi || mount -t tmpfs none /proc/fs"

    name, flavour, reason, _, tests = as_ordinary_user_in(prepare, public_checkout)

    assert (name, flavour, reason) == ("bubblewrap", Flavour(proc=False), "")
    assert "proc" in tests[0].message  # type: ignore[index]


def test_read_only_kernel_settings_lead_to_a_flavour_without_them(public_checkout: Path) -> None:
    """As in a container: user namespaces cannot be counted down, so seccomp alone refuses them."""
    if reason := unavailable("bubblewrap"):
        pytest.skip(reason)
    prepare = "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys"

    name, flavour, _, caveats, _ = as_ordinary_user_in(prepare, public_checkout)

    assert name == "bubblewrap"
    assert flavour == Flavour(proc=False, disable_userns=False)
    assert len(caveats) == 2  # type: ignore[arg-type]


REFUSING = """
import ctypes, os, struct, sys
program = bytes.fromhex(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(program, len(program))
header = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, header, 0, 0) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""


def under_a_filter(refused: list[str], checkout: Path) -> tuple[object, ...]:
    """Return what is found under a system call filter, as a container engine sets it."""
    program = seccomp._Program(os.uname().machine)
    for name in refused:
        program.refuse(name)
    program.answer("clone3", 38)
    program.when("clone", [seccomp._argument(0), *seccomp._none_of_bits(seccomp._NAMESPACES)])
    drop = {"user": ORDINARY_USER, "group": ORDINARY_USER, "extra_groups": []}
    command = [PUBLIC_PYTHON, "-c", REFUSING, program.compile().hex()]
    done = subprocess.run(
        [*command, PUBLIC_PYTHON, "-B", "-c", TELL],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(checkout)},
        cwd="/",
        capture_output=True,
        check=False,
        timeout=600,
        **(drop if os.getuid() == 0 else {}),  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stderr.decode()
    found = pickle.loads(done.stdout)
    assert isinstance(found, tuple)
    return found


def test_a_filter_that_refuses_namespaces_leads_to_landlock(public_checkout: Path) -> None:
    if reason := unavailable("landlock"):
        pytest.skip(reason)

    name, _, _, caveats, tests = under_a_filter(["unshare", "setns", "mount"], public_checkout)

    assert name == "landlock"
    assert caveats
    assert "namespace" in tests[0].message  # type: ignore[index]


def test_where_nothing_holds_the_reasons_are_told(public_checkout: Path) -> None:
    program = seccomp._NUMBERS
    program["landlock_create_ruleset"] = (444, 444)
    try:
        name, _, reason, _, tests = under_a_filter(
            ["unshare", "setns", "mount", "landlock_create_ruleset"], public_checkout
        )
    finally:
        del program["landlock_create_ruleset"]

    assert name is None
    assert "Programs cannot be run on this machine" in str(reason)
    assert {test.back_end for test in tests} == {"bubblewrap", "landlock"}  # type: ignore[attr-defined]


def test_the_simulated_filter_is_a_program(public_checkout: Path) -> None:
    """The helper above builds what it says: its last instruction allows."""
    program = seccomp._Program("x86_64")
    program.refuse("unshare")

    assert struct.unpack("=HBBI", program.compile()[-8:])[3] == 0x7FFF0000
