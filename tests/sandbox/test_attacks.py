"""Programs that try to get out. Each is a way by which some sandbox was left once.

They run in every back end, as root's dropped user and as an ordinary one, beside real victims on
the host: files, processes, sockets of the same user as the guest.
"""

import ctypes
import errno
import json
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from plumbmark.sandbox import seccomp
from plumbmark.sandbox.bubblewrap import Bubblewrap
from plumbmark.sandbox.contract import (
    BadJob,
    Ending,
    Mount,
    SandboxJob,
    SandboxUnavailable,
)
from plumbmark.sandbox.identity import NOBODY, Identity, guest_identity
from plumbmark.sandbox.landlock import Landlock
from plumbmark.sandbox.preparation import check_job
from tests.sandbox import driver
from tests.sandbox.conftest import ORDINARY_USER, ROOT, Guest

CANARY = "canary-7f3a91c2"
MACHINE = os.uname().machine


@pytest.fixture
def guest_user(guest: Guest, request: pytest.FixtureRequest) -> int:
    """Return the guest's user on the host."""
    if "ordinary" in request.node.callspec.id:
        return ORDINARY_USER
    return NOBODY if os.getuid() == 0 else os.getuid()


@pytest.fixture
def owned(guest_user: int) -> Iterator[Path]:
    """Return a folder on the host whose owner is the guest's user, with a secret in it."""
    folder = Path(tempfile.mkdtemp(prefix="plumbmark-victim-"))
    secret = folder / "secret"
    secret.write_text(CANARY)
    secret.chmod(0o644)
    folder.chmod(0o755)
    if os.getuid() == 0:
        for path in (folder, secret):
            os.chown(path, guest_user, guest_user)
    yield folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


@pytest.fixture
def victim(guest_user: int) -> Iterator[subprocess.Popen[bytes]]:
    """Return a process on the host of the guest's own user, with a secret in its environment."""
    as_user: dict[str, Any] = {}
    if os.getuid() == 0:
        as_user = {"user": guest_user, "group": guest_user, "extra_groups": []}
    process = subprocess.Popen(
        ["/usr/bin/sleep", "300"], env={"SECRET": CANARY}, cwd="/", **as_user
    )
    yield process
    process.kill()
    process.wait()


def outcomes(guest: Guest, attempts: dict[str, str], **options: Any) -> dict[str, Any]:
    """Return what came of each attempt: its value, or the number of the error that it met."""
    return dict(
        guest.facts(
            f"""
import ctypes, errno, json, os, resource, signal, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    given = [ctypes.c_long(x) if isinstance(x, int) else x for x in arguments]
    found = libc.syscall(number, *given)
    if found < 0: raise OSError(ctypes.get_errno(), "refused")
    return found
told = {{}}
for name, attempt in {attempts!r}.items():
    try:
        found = eval(attempt)
        told[name] = found if isinstance(found, (int, str)) else repr(found)
    except OSError as error:
        told[name] = {{"errno": error.errno}}
    except BaseException as error:
        told[name] = {{"error": repr(error)}}
print(json.dumps(told))
""",
            **options,
        )
    )


def refused(found: Any) -> bool:
    return isinstance(found, dict) and isinstance(found.get("errno"), int)


# --- root -------------------------------------------------------------------------------------


def test_a_guest_that_would_be_root_is_refused_before_anything_is_started() -> None:
    """An unprivileged-looking guest that is the kernel's uid 0 owns /proc/sys. Only the refusal is
    looked at; that a write there would succeed is never tried."""
    for back_end in (Bubblewrap, Landlock):
        with pytest.raises(SandboxUnavailable, match="never run as root"):
            back_end(identity=Identity(0, 0, is_dropped=False))


def test_root_that_cannot_become_another_user_is_refused() -> None:
    if os.getuid() != 0:
        pytest.skip("not applicable: the tests run as an ordinary user")
    with pytest.raises(SandboxUnavailable, match="another user"):
        guest_identity(uid=0)
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'platform')!r})\n"
        "from plumbmark.sandbox.identity import guest_identity\n"
        "from plumbmark.sandbox.contract import SandboxUnavailable\n"
        "try: print(guest_identity())\n"
        "except SandboxUnavailable as error: print('refused:', error)\n"
    )

    for outer in (
        ["unshare", "--user", "--map-root-user"],
        ["setpriv", "--bounding-set", "-all"],
    ):
        done = subprocess.run(
            [*outer, "/usr/bin/python3", "-I", "-B", "-c", program],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith("refused:"), (outer, done.stdout)


def test_the_guest_is_no_root_and_has_no_rights(guest: Guest) -> None:
    facts = guest.facts(
        """
import ctypes, json, os
libc = ctypes.CDLL(None)
head = (ctypes.c_uint32 * 2)(0x20080522, 0)
data = (ctypes.c_uint32 * 6)()
assert libc.capget(head, data) == 0
print(json.dumps({
    "ids": [*os.getresuid(), *os.getresgid()],
    "groups": os.getgroups(),
    "capabilities": list(data),
    "no_new_privileges": libc.prctl(39, 0, 0, 0, 0),
    "seccomp": libc.prctl(21, 0, 0, 0, 0),
}))
"""
    )

    assert 0 not in facts["ids"]
    assert 0 not in facts["groups"]
    assert facts["capabilities"] == [0] * 6
    assert facts["no_new_privileges"] == 1


def test_kernel_settings_cannot_be_reached(guest: Guest) -> None:
    """Asked, not tried: `access` changes nothing whatever it answers."""
    found = outcomes(
        guest,
        {
            path: f"os.access('/proc/sys/{path}', os.W_OK)"
            for path in ("kernel/core_pattern", "kernel/modprobe", "vm/overcommit_memory")
        },
    )

    assert not any(found.values()), found
    if guest.back_end == "bubblewrap":
        assert outcomes(guest, {"list": "len(os.listdir('/proc/sys'))"}) == {"list": 0}


# --- reading ----------------------------------------------------------------------------------


def test_no_file_that_the_guest_can_read_holds_a_secret_of_the_host(
    guest: Guest, owned: Path, victim: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that can be opened is read, all of /proc with it."""
    monkeypatch.setenv("PLUMBMARK_SECRET", CANARY)
    parts = CANARY.split("-")

    facts = guest.facts(
        f"""
import json, os, stat
canary = "-".join({parts!r}).encode()
own = {{f"/proc/{{os.getpid()}}/", "/proc/self/", "/proc/thread-self/"}}
read, found = 0, []
def look(path):
    global read
    try:
        if not stat.S_ISREG(os.stat(path).st_mode): return
        with open(path, "rb", opener=lambda p, f: os.open(p, f | os.O_NONBLOCK)) as file:
            content = file.read(1 << 20)
    except OSError:
        return
    read += 1
    if canary in content: found.append(path)
try: tops = os.listdir("/")
except OSError: tops = ["etc", "home", "proc", "root", "run", "tmp", "var", "work"]
for top in tops + ["proc/1"]:
    if top in ("usr", "lib", "lib32", "lib64", "libx32", "bin", "sbin", "sys"): continue
    for folder, folders, names in os.walk("/" + top):
        folders[:] = [name for name in folders if name != "task"][:2000]
        for name in names:
            path = f"{{folder}}/{{name}}"
            if not any(path.startswith(mine + "mem") for mine in own): look(path)
for path in ({str(owned / "secret")!r}, "/proc/{victim.pid}/environ", "/proc/{os.getpid()}/environ",
             "/proc/1/root{owned}/secret", "/proc/self/root{owned}/secret", "/proc/1/environ",
             "/proc/1/cwd{owned}/secret", "/oldroot{owned}/secret"):
    look(path)
print(json.dumps({{"read": read, "found": found}}))
""",
    )

    assert facts["found"] == []
    if guest.back_end == "bubblewrap":
        assert facts["read"] > 20


@pytest.mark.parametrize(
    "path",
    ["/etc/shadow", "/root/.profile", "/etc/ssh", "/var/log", "/home", "/sys/kernel", "/boot"],
)
def test_private_places_of_the_host_cannot_be_opened(guest: Guest, path: str) -> None:
    found = outcomes(guest, {"open": f"os.open({path!r}, os.O_RDONLY)"})

    assert refused(found["open"]), found


def test_the_guests_environment_holds_what_it_was_given_and_no_more(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUMBMARK_SECRET", CANARY)

    facts = guest.facts(
        "import json, os; print(json.dumps(sorted(os.environ)))",
        job={"environment": {"GIVEN": "yes"}},
    )

    assert facts == ["GIVEN", "HOME", "LANG", "PATH", "TMPDIR"]


def test_no_descriptor_but_the_three_is_handed_on(guest: Guest) -> None:
    facts = guest.facts(
        """
import json, os
found = []
for number in range(1024):
    try: os.fstat(number); found.append(number)
    except OSError: pass
print(json.dumps(found))
"""
    )

    assert facts == [0, 1, 2]


def test_paths_of_the_host_are_in_no_command_line_that_the_guest_can_read(
    guest: Guest, work: Path
) -> None:
    report = guest.run(
        """
import os
for name in os.listdir("/proc") if os.access("/proc", os.R_OK) else []:
    if name.isdigit():
        try: print(open(f"/proc/{name}/cmdline").read().replace(chr(0), " "))
        except OSError: pass
""",
        job={"work": work},
    )

    assert work.name.encode() not in report.stdout + report.stderr


# --- writing ----------------------------------------------------------------------------------


def test_only_the_guests_own_folders_can_be_written(guest: Guest, work: Path) -> None:
    facts = guest.facts(
        """
import json, os, tempfile
places = {"/var/tmp", "/home", "/root", "/etc", "/usr/local", "/dev/shm", "/opt", "/srv", "/mnt"}
try: tops = os.listdir("/")
except OSError: tops = ["tmp", "run", "dev", "proc", "sys"]
for top in ["/"] + ["/" + name for name in tops if name != "usr"]:
    places.add(top)
    if top not in ("/", "/proc", "/sys"):
        for folder, folders, _ in os.walk(top): places.update(f"{folder}/{f}" for f in folders)
written = []
for place in places:
    try: os.close(os.open(f"{place}/.attempt", os.O_CREAT | os.O_WRONLY)); written.append(place)
    except OSError: pass
own = [os.getcwd(), tempfile.gettempdir()]
for place in own: open(f"{place}/.attempt", "w").close()
print(json.dumps(sorted(set(written) - set(own))))
""",
        job={"work": work},
    )

    assert set(facts) <= ({"/run", "/dev/shm"} if guest.back_end == "bubblewrap" else set())


def test_every_memory_folder_is_small(guest: Guest) -> None:
    facts = guest.facts(
        """
import json, os
piece, total = b"x" * (1 << 20), {}
for place in ("/dev", "/dev/shm", "/run", "/proc/sys", "/etc", "/"):
    total[place] = 0
    try:
        with open(f"{place}/fill", "wb", buffering=0) as file:
            while total[place] < 300 << 20: total[place] += file.write(piece)
    except OSError: pass
print(json.dumps(total))
""",
        file_bytes=400 << 20,
    )

    assert facts["/dev"] == facts["/"] == facts["/etc"] == facts["/proc/sys"] == 0
    assert facts["/dev/shm"] <= 4 << 20
    assert facts["/run"] <= 1 << 20


def test_mounts_and_the_interpreter_cannot_be_changed(guest: Guest, work: Path) -> None:
    """Not even where the guest's user owns what is mounted."""
    data = work / "data"
    data.mkdir()
    (data / "rows").write_text("rows")
    (data / "rows").chmod(0o666)
    data.chmod(0o777)
    place = work / "work"
    place.mkdir()
    os.chown(place, work.stat().st_uid, work.stat().st_gid)
    work.chmod(0o711)
    mount = Mount(data, "/kaggle/input/data")

    found = outcomes(
        guest,
        {
            "read": "open(os.environ['DATA'] + '/rows').read()",
            "write": "os.open(os.environ['DATA'] + '/rows', os.O_WRONLY)",
            "truncate": "os.truncate(os.environ['DATA'] + '/rows', 0)",
            "create": "os.open(os.environ['DATA'] + '/more', os.O_CREAT | os.O_WRONLY)",
            "unlink": "os.unlink(os.environ['DATA'] + '/rows')",
            "rename": "os.rename(os.environ['DATA'] + '/rows', 'rows')",
            "link": "os.link(os.environ['DATA'] + '/rows', 'rows')",
            "interpreter": "os.open(sys.executable, os.O_WRONLY)",
        },
        job={
            "work": place,
            "mounts": [mount],
            "environment": {"DATA": "/kaggle/input/data"},
        },
    )

    assert found.pop("read") == "rows"
    assert all(map(refused, found.values())), found
    assert (data / "rows").read_text() == "rows"


def test_files_of_the_guests_own_user_elsewhere_stay_as_they_are(guest: Guest, owned: Path) -> None:
    path = str(owned / "secret")
    before = (owned / "secret").stat()

    outcomes(
        guest,
        {
            "chmod": f"os.chmod({path!r}, 0)",
            "fchmodat": f"os.chmod({owned.name!r}, 0, dir_fd=os.open('/tmp', os.O_PATH))",
            "folder": f"os.chmod({str(owned)!r}, 0)",
            "chown": f"os.chown({path!r}, -1, {before.st_gid})",
            "utime": f"os.utime({path!r}, (1, 1))",
            "setxattr": f"os.setxattr({path!r}, 'user.mark', b'1')",
            "truncate": f"os.truncate({path!r}, 0)",
            "open-truncating": f"os.open({path!r}, os.O_RDONLY | os.O_TRUNC)",
            "append": f"os.open({path!r}, os.O_WRONLY | os.O_APPEND)",
            "unlink": f"os.unlink({path!r})",
            "rename": f"os.rename({path!r}, {path + '2'!r})",
            "link": f"os.link({path!r}, 'linked')",
            "beside": f"os.open({str(owned / 'new')!r}, os.O_CREAT | os.O_WRONLY)",
            "mkdir": f"os.mkdir({str(owned / 'folder')!r})",
        },
    )

    after = (owned / "secret").stat()
    assert [path.name for path in owned.iterdir()] == ["secret"]
    assert (owned / "secret").read_text() == CANARY
    assert (after.st_mode, after.st_mtime, after.st_uid, after.st_nlink) == (
        before.st_mode,
        before.st_mtime,
        before.st_uid,
        1,
    )
    assert os.listxattr(owned / "secret") == []


def test_links_lead_nowhere(guest: Guest, owned: Path, work: Path) -> None:
    secret = str(owned / "secret")

    found = outcomes(
        guest,
        {
            "link": f"os.symlink({secret!r}, 'link')",
            "through a link": "open('link').read()",
            "hard link": f"os.link({secret!r}, 'hard')",
            "device": "os.mknod('disk', 0o060600, os.makedev(254, 0))",
            "memory device": "os.mknod('mem', 0o020600, os.makedev(1, 1))",
            "chroot": "os.chroot('.')",
            "up": f"open('../../../../../..{secret}').read()",
            "fd up": f"os.open('../..{secret}', os.O_RDONLY, dir_fd=os.open('/', os.O_PATH))",
        },
        job={"work": work},
    )

    assert found.pop("link") == "None"
    assert all(map(refused, found.values())), found


def test_no_file_on_the_host_becomes_set_user_id(guest: Guest, work: Path) -> None:
    outcomes(
        guest,
        {
            "chmod": "open('a', 'w').close() or os.chmod('a', 0o6755)",
            "fchmod": "os.fchmod(os.open('b', os.O_CREAT | os.O_WRONLY), 0o4755)",
        },
        job={"work": work},
    )

    assert {path.name for path in work.iterdir()} >= {"a", "b"}
    assert not any(path.stat().st_mode & 0o6000 for path in work.iterdir())


# --- processes --------------------------------------------------------------------------------


def test_the_hosts_processes_cannot_be_touched(
    guest: Guest, victim: "subprocess.Popen[bytes]"
) -> None:
    pid = victim.pid
    limits = Path(f"/proc/{pid}/limits").read_text()
    numbers = {name: pair[MACHINE == "aarch64"] for name, pair in seccomp._NUMBERS.items()}

    found = outcomes(
        guest,
        {
            "kill": f"os.kill({pid}, 9)",
            "group": f"os.killpg({pid}, 9)",
            "pidfd": f"signal.pidfd_send_signal(os.pidfd_open({pid}), 9)",
            "queue": f"call({numbers['rt_sigqueueinfo']}, {pid}, 9, bytes(128))",
            "tkill": f"call({numbers['tkill']}, {pid}, 9)",
            "limits": f"resource.prlimit({pid}, resource.RLIMIT_NOFILE, (1, 1))",
            "priority": f"os.setpriority(os.PRIO_PROCESS, {pid}, 19)",
            "processors": f"os.sched_setaffinity({pid}, [0])",
            "policy": f"os.sched_setscheduler({pid}, os.SCHED_IDLE, os.sched_param(0))",
            "memory": f"os.open('/proc/{pid}/mem', os.O_RDWR)",
            "environment": f"os.open('/proc/{pid}/environ', os.O_RDONLY)",
            "descriptors": f"os.listdir('/proc/{pid}/fd')",
            "trace": f"call({numbers['ptrace']}, 16, {pid}, 0, 0)",
            "owner": f"__import__('fcntl').fcntl(0, 8, {pid})",
        },
    )

    if guest.back_end == "bubblewrap":
        # A number of its own: a process of the guest may have the victim's number by chance.
        found = {name: value for name, value in found.items() if name in ("trace", "memory")}
        found.pop("owner", None)
    assert all(map(refused, found.values())), found
    assert victim.poll() is None
    assert Path(f"/proc/{pid}/limits").read_text() == limits
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, os.getpid())


def test_whoever_started_the_guest_survives_its_signals(
    guest: Guest, victim: "subprocess.Popen[bytes]"
) -> None:
    report = guest.run(
        """
import os, signal, sys
for target in (os.getppid(), 1, -os.getppid()):
    for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):
        try: os.kill(target, number)
        except OSError: pass
print("alive", flush=True)
try: os.kill(-1, signal.SIGKILL)
except OSError: pass
"""
    )

    assert report.ending in (Ending.EXITED, Ending.KILLED)
    assert report.stdout == b"alive\n"
    assert victim.poll() is None


def test_a_guest_cannot_make_its_own_failure_look_like_the_sandboxes(guest: Guest) -> None:
    """Failures of the sandbox are not counted as wrong: a program must not be able to feign one."""
    report = guest.run(
        """
import os
for process in ("1", str(os.getppid())):
    for number in range(64):
        try:
            pipe = os.open(f"/proc/{process}/fd/{number}", os.O_WRONLY | os.O_NONBLOCK)
            os.write(pipe, b"failed because I say so\\nended x y z\\nended 0\\n")
        except OSError: pass
os._exit(7)
"""
    )

    assert report.ending is Ending.EXITED
    assert report.exit_code == 7


# --- system calls -----------------------------------------------------------------------------


def test_every_forbidden_call_is_refused(guest: Guest) -> None:
    column = MACHINE == "aarch64"
    numbers = {
        name: number
        for name in seccomp._FORBIDDEN
        if (number := seccomp._NUMBERS[name][column]) is not None
    }

    found = outcomes(
        guest, {name: f"call({number}, 0, 0, 0, 0, 0)" for name, number in numbers.items()}
    )

    assert len(numbers) > 50
    assert found == {name: {"errno": errno.EPERM} for name in numbers}


def test_namespaces_and_calls_of_other_conventions_are_refused(guest: Guest) -> None:
    column = MACHINE == "aarch64"
    clone, clone3 = (seccomp._NUMBERS[name][column] for name in ("clone", "clone3"))
    flags = {
        "mount": 0x20000,
        "cgroup": 0x2000000,
        "uts": 0x4000000,
        "ipc": 0x8000000,
        "user": 0x10000000,
        "pid": 0x20000000,
        "net": 0x40000000,
    }
    attempts = {name: f"call({clone}, {flag | 17}, 0, 0, 0, 0)" for name, flag in flags.items()}
    attempts["terminal"] = "__import__('fcntl').ioctl(0, 0x5412, b'x')"
    attempts["console"] = "__import__('fcntl').ioctl(0, 0x541C, b'x')"
    attempts["personality"] = f"call({seccomp._NUMBERS['personality'][column]}, 0x0040000)"
    attempts["hide"] = f"call({seccomp._NUMBERS['prctl'][column]}, 4, 0)"
    if MACHINE == "x86_64":
        attempts["x32"] = f"call({0x40000000 | 39})"

    found = outcomes(
        guest,
        {
            **attempts,
            "clone3": f"call({clone3}, 0, 0)",
            "newer": "call(463, 0, 0)",
            "unshare": "__import__('subprocess').run(['unshare', '-Ur', 'true']).returncode",
        },
    )

    assert found.pop("clone3") == found.pop("newer") == {"errno": errno.ENOSYS}
    assert found.pop("unshare") != 0
    assert found == {name: {"errno": errno.EPERM} for name in attempts}


def test_the_32_bit_door_is_closed(guest: Guest) -> None:
    if MACHINE != "x86_64":
        pytest.skip("not applicable: only x86_64 has it")
    report = guest.run(
        """
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))  # getpid by int 0x80
print("passed", ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))())
"""
    )

    assert report.ending is Ending.KILLED
    assert b"passed" not in report.stdout


def test_the_hosts_shared_memory_and_queues_are_out_of_reach(guest: Guest) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    key = 0x504C4D42
    queue = libc.msgget(key, 0o1666)
    assert queue >= 0
    try:
        number = seccomp._NUMBERS["msgget"][MACHINE == "aarch64"]

        found = outcomes(guest, {"queue": f"call({number}, {key}, 0)"})

        assert refused(found["queue"])
    finally:
        libc.msgctl(queue, 0, None)


@pytest.mark.parametrize("name", ["shmget", "msgget", "semget", "mq_open"])
def test_memory_that_belongs_to_no_process_cannot_be_made(guest: Guest, name: str) -> None:
    number = seccomp._NUMBERS[name][MACHINE == "aarch64"]
    arguments = "b'/plumbmark', 0o102, 0o600, None" if name == "mq_open" else "0, 1 << 20, 0o1600"

    found = outcomes(guest, {"made": f"call({number}, {arguments})"})

    assert found["made"] == {"errno": errno.EPERM}


# --- network ----------------------------------------------------------------------------------


@pytest.fixture
def listeners() -> Iterator[dict[str, socket.socket]]:
    """Real sockets on the host, open to everybody."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        found = {}
        for name, family, kind, address in (
            ("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            ("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            ("stream", socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "stream")),
            ("datagram", socket.AF_UNIX, socket.SOCK_DGRAM, str(folder / "datagram")),
            ("abstract", socket.AF_UNIX, socket.SOCK_STREAM, f"\0{folder.name}"),
        ):
            listener = stack.enter_context(socket.socket(family, kind))
            listener.bind(address)
            if kind == socket.SOCK_STREAM:
                listener.listen()
            if isinstance(address, str) and address[0] == "/":
                Path(address).chmod(0o777)
            listener.setblocking(False)
            found[name] = listener
        yield found


def reached(listener: socket.socket) -> bool:
    try:
        if listener.type == socket.SOCK_STREAM:
            listener.accept()
        else:
            listener.recv(100)
    except BlockingIOError:
        return False
    return True


@pytest.mark.parametrize("has_gateway", [False, True])
def test_nothing_on_any_network_can_be_reached(
    guest: Guest, listeners: dict[str, socket.socket], has_gateway: bool, guest_user: int
) -> None:
    tcp, udp = listeners["tcp"].getsockname(), listeners["udp"].getsockname()
    stream, datagram = (listeners[name].getsockname() for name in ("stream", "datagram"))
    abstract = listeners["abstract"].getsockname()
    new = "socket.socket(socket.AF_INET, socket.SOCK_STREAM"
    options: dict[str, Any] = {}
    if has_gateway:
        # Only there; nobody connects to it here.
        options["job"] = {"gateway_socket": Path(stream)}
    attempts = {
        "host": f"socket.create_connection({tcp!r}, 2)",
        "host by any address": f"socket.create_connection(('0.0.0.0', {tcp[1]}), 2)",
        "host by IPv6": f"socket.create_connection(('::ffff:127.0.0.1', {tcp[1]}), 2)",
        "gateway's port elsewhere": "socket.create_connection(('127.0.0.2', 8999), 2)",
        "internet": "socket.create_connection(('1.1.1.1', 443), 2)",
        "metadata": "socket.create_connection(('169.254.169.254', 80), 2)",
        "name": "socket.create_connection(('example.org', 80), 2)",
        "udp": f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'out', {udp!r})",
        "dns": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'q', ('1.1.1.1', 53))",
        "fast open": f"{new}).sendto(b'out', 0x20000000, {tcp!r})",
        "fast open message": f"{new}).sendmsg([b'out'], [], 0x20000000, {tcp!r})",
        "multipath": f"{new}, 262).connect({tcp!r})",
        "sctp": f"{new}, 132).connect({tcp!r})",
        "raw": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
        "packet": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "vsock": "socket.socket(40, socket.SOCK_STREAM)",
        "alg": "socket.socket(38, socket.SOCK_SEQPACKET)",
        "stream": f"socket.socket(socket.AF_UNIX).connect({stream!r})",
        "datagram": f"socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'', {datagram!r})",
        "pair": f"socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].connect({datagram!r})",
        "pair, sending": f"socket.socketpair(1, socket.SOCK_DGRAM)[0].sendto(b'', {datagram!r})",
        "multipath at all": f"{new}, 262)",
        "sctp at all": f"{new}, 132)",
        "abstract": f"socket.socket(socket.AF_UNIX).connect({abstract!r})",
    }

    found = outcomes(guest, attempts, wall_seconds=60, **options)

    if guest.back_end == "bubblewrap":
        del found["udp"]  # sent, to the guest's own loopback, where nobody listens
    assert {name: value for name, value in found.items() if not refused(value)} == {}
    assert [name for name, one in listeners.items() if reached(one)] == []


def test_a_guest_cannot_listen_for_others(guest: Guest) -> None:
    """In a network of its own a listener harms nobody; among the host's it must not be."""
    is_over = threading.Event()
    reached = threading.Event()

    def knock() -> None:
        while not is_over.wait(0.02):
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", 18999)):
                reached.set()

    knocking = threading.Thread(target=knock)
    knocking.start()
    try:
        report = guest.run(
            """
import socket
server = socket.create_server(("127.0.0.1", 18999))
print("listening", flush=True)
server.settimeout(1)
try: server.accept()
except TimeoutError: pass
"""
        )
    finally:
        is_over.set()
        knocking.join()

    assert not reached.is_set()
    if guest.back_end == "bubblewrap":
        assert report.stdout == b"listening\n"
    if guest.back_end == "landlock":
        assert b"PermissionError" in report.stderr


# --- jobs that ask for too much ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"argv": []}, "must name a program"),
        ({"argv": ["a\0b"]}, "no zero byte"),
        ({"environment": {"A=B": "c"}}, "cannot be the name"),
        ({"working_directory": "relative"}, "absolute"),
        ({"work": Path("/no/such")}, "folder that exists"),
        ({"gateway_socket": Path("/etc/passwd")}, "Unix socket"),
        ({"mounts": [Mount(Path("/etc"), "/proc/x")]}, "belongs to the sandbox"),
        ({"mounts": [Mount(Path("/etc"), "/data/../etc")]}, "absolute path below"),
        ({"mounts": [Mount(Path("/etc"), "/kaggle")]}, "would hide"),
        ({"mounts": [Mount(Path("/etc"), "/kaggle/working/etc")]}, "program's own"),
        ({"mounts": [Mount(Path("/no/such"), "/data")]}, "There is no"),
    ],
)
def test_a_job_that_asks_for_the_impossible_is_told_why(job: dict[str, Any], message: str) -> None:
    with pytest.raises(BadJob, match=message):
        check_job(SandboxJob(**{"argv": ["true"], **job}))


def test_data_that_the_dropped_user_cannot_read_is_refused_with_the_remedy(
    tmp_path: Path,
) -> None:
    if os.getuid() != 0:
        pytest.skip("not applicable: the tests run as an ordinary user")
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    with pytest.raises(BadJob, match="read access"):
        driver.run(
            "bubblewrap", SandboxJob(argv=["true"], mounts=[Mount(data, "/kaggle/input/data")])
        )


def test_settings_pass_unchanged_whatever_they_hold(guest: Guest) -> None:
    """Nothing in arguments or environment is taken for something else on the way."""
    odd = "--bind / /\n$(id) '\"\\ é \U0001f600 =:;"

    facts = guest.facts(
        "import json, os, sys; print(json.dumps([os.environ['ODD'], sys.argv]))",
        job={
            "argv": [
                guest.python,
                "-I",
                "-c",
                "import json, os, sys; print(json.dumps([os.environ['ODD'], sys.argv[1:]]))",
                odd,
                "--seccomp",
                "",
            ],
            "environment": {"ODD": odd},
        },
    )

    assert facts == [odd, [odd, "--seccomp", ""]]


def test_the_report_of_a_guest_is_plain_data(guest: Guest) -> None:
    """Output that is no text stays bytes."""
    report = guest.run("import os; os.write(1, bytes(range(256)))")

    assert report.stdout == bytes(range(256))
    assert json.dumps(report.detail)
