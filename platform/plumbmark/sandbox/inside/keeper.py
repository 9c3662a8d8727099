"""For Landlock: starts the guest confined, reaps all its descendants, and ends with it.

There are no namespaces: this process does what bubblewrap gets from them. Orphans are reparented to
it instead of the machine's process 1, and are killed when the guest ends, when the worker is gone
or when it says so. This process decides on each `connect` of the guest: for the gateway's address
the guest's socket is replaced by one end of a connection that is carried to the run's Unix socket;
any other address is refused. So the guest reaches no network at all.
"""

import contextlib
import errno
import fcntl
import os
import resource
import select
import signal
import socket
import struct
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from plumbmark.sandbox.inside.confine import (
        DEVICE,
        READ,
        adopt_orphans,
        all_rights,
        die_with_parent,
        load_filter,
        renounce_privileges,
        restrict_paths,
    )
    from plumbmark.sandbox.inside.pump import Pump
    from plumbmark.sandbox.inside.settings import Settings, set_limits
    from plumbmark.sandbox.inside.stage import drop, stage

_GUEST_LIMITS = ("AS", "NPROC", "FSIZE", "NOFILE", "CORE", "CPU")
_READY = b"ready"
_RECEIVE, _SEND, _ADD_DESCRIPTOR = 0xC0502100, 0xC0182101, 0x40182103
_NOTIFICATION_BYTES = 80
_REPLACE = 1
_GATEWAY_ADDRESS = struct.pack("=H", socket.AF_INET) + struct.pack("!H4B", 8999, 127, 0, 0, 1)


def keep(settings: Settings) -> None:
    status, lifeline = settings.number("status"), settings.number("lifeline")
    try:
        gateway = _open_gateway(settings)
        stage(settings)
        drop(settings)
        os.chdir("/")
        adopt_orphans()
        waker = _wake_on_signals()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        keeper = os.getpid()
        guest = os.fork()
        if guest == 0:
            ours.close()
            _become_guest(settings, theirs, keeper)
        theirs.close()
        message, received, _, _ = socket.recv_fds(ours, 4096, 1)
        ours.close()
        if message != _READY:
            raise RuntimeError(message.decode(errors="replace") or "it ended while being confined")
    except Exception as error:
        os.write(status, f"failed Cannot confine the run: {error}\n".encode()[:2000])
        os._exit(126)
    os.write(status, b"started\n")
    listener = received[0] if received else -1
    state = None
    try:
        state = _Keeper(lifeline, waker, listener, gateway).until_the_end_of(guest)
    finally:
        _kill_everything()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if state is not None:
        cpu = used.ru_utime + used.ru_stime
        code = os.waitstatus_to_exitcode(state)
        os.write(status, f"ended {code} {cpu:.3f} {used.ru_maxrss}\n".encode())
    os._exit(0)


def _open_gateway(settings: Settings) -> int:
    """Connect to the gateway with our present rights: the dropped user may not reach the socket."""
    path = settings.one("gateway")
    return os.open(path, os.O_PATH | os.O_CLOEXEC) if path else -1


def _wake_on_signals() -> int:
    """Return a descriptor to read from when a child ended or the worker's thread did."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda number, frame: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    die_with_parent(signal.SIGTERM)
    return reader


def _become_guest(settings: Settings, channel: socket.socket, keeper: int) -> None:
    """Become the guest. Never returns."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent(signal.SIGKILL)
        if os.getppid() != keeper:
            os._exit(126)
        os.setsid()
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as file:
            file.write(b"1000")
        set_limits(settings, *_GUEST_LIMITS)
        renounce_privileges()
        version = settings.number("landlock")
        rules = [(path, READ) for path in settings.all("read")]
        rules += [(path, DEVICE) for path in settings.all("device")]
        rules += [(path, all_rights(version)) for path in settings.all("write")]
        restrict_paths(version, rules)
        os.chdir(settings.one("directory"))
        filter_program = bytes.fromhex(settings.one("filter"))
        listener = load_filter(filter_program, with_listener=bool(settings.one("gateway")))
        socket.send_fds(channel, [_READY], [listener] if listener >= 0 else [])
    except BaseException as error:
        channel.send(str(error).encode()[:1000] or b"unknown")
        os._exit(126)
    argv = settings.all("argument")
    try:
        os.closerange(3, 1 << 16)
        os.execvpe(argv[0], argv, settings.environment())  # noqa: S606
    except BaseException as error:
        os.write(2, f"Cannot start {argv[0]!r}: {error}\n".encode()[:2000])
    os._exit(127)


class _Keeper:
    """The loop while the guest runs."""

    def __init__(self, lifeline: int, waker: int, listener: int, gateway: int) -> None:
        self._lifeline = lifeline
        self._waker = waker
        self._listener = listener
        self._gateway = gateway
        self._poll = select.poll()
        self._pump = Pump(self._poll)
        for descriptor in (lifeline, waker, listener):
            if descriptor >= 0:
                self._poll.register(descriptor, select.POLLIN)

    def until_the_end_of(self, guest: int) -> "int | None":
        """Return the guest's state from `wait`; None if the worker wants an end or is gone."""
        while True:
            for descriptor, events in self._poll.poll():
                if descriptor == self._lifeline:
                    return None
                if descriptor == self._waker:
                    if signal.SIGTERM in os.read(self._waker, 4096):
                        return None
                    state = _reap(guest)
                    if state is not None:
                        return state
                elif self._pump.owns(descriptor):
                    self._pump.handle(descriptor, events)
                elif descriptor == self._listener:
                    if events & select.POLLIN:
                        self._answer()
                    else:
                        self._poll.unregister(self._listener)

    def _answer(self) -> None:
        """Decide one `connect`. What the guest changes in its memory meanwhile changes nothing: it
        is only looked at, and the kernel does not go on with the call."""
        notification = bytearray(_NOTIFICATION_BYTES)
        try:
            fcntl.ioctl(self._listener, _RECEIVE, notification)
        except OSError:
            return
        name, thread = struct.unpack_from("=QI", notification)
        target, address, length = struct.unpack_from("=3Q", notification, 32)
        error = errno.EPERM
        try:
            if _memory(thread, address, min(length, 16))[:8] == _GATEWAY_ADDRESS:
                error = self._give_gateway(name, thread, target)
        except OSError as found:
            error = found.errno or errno.EPERM
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._listener, _SEND, struct.pack("=QqiI", name, 0, -error, 0))

    def _give_gateway(self, name: int, thread: int, target: int) -> int:
        """Put a connected socket in the place of the guest's; gives an error number or 0."""
        if self._pump.is_full:
            return errno.ECONNREFUSED
        flags = _descriptor_flags(thread, target)
        outside = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        outside.setblocking(False)
        try:
            outside.connect(f"/proc/self/fd/{self._gateway}")
        except OSError:
            outside.close()
            return errno.ECONNREFUSED
        near, far = _tcp_pair()
        with far:
            far.setblocking(not flags & os.O_NONBLOCK)
            request = struct.pack(
                "=QIIII", name, _REPLACE, far.fileno(), target, flags & os.O_CLOEXEC
            )
            try:
                fcntl.ioctl(self._listener, _ADD_DESCRIPTOR, request)
            except OSError:
                near.close()
                outside.close()
                raise
        self._pump.join(near, outside)
        return 0


def _tcp_pair() -> "tuple[socket.socket, socket.socket]":
    """Return the ends of a loopback connection. Clients set options that only TCP sockets have."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Not `create_connection`, which looks for more modules; the interpreter may lie where the
        # user that we have become gets no further.
        far = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        far.connect(listener.getsockname())
        while True:
            near, peer = listener.accept()
            if peer == far.getsockname():
                break
            near.close()  # another process of this machine was quicker
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return near, far


def _memory(thread: int, address: int, length: int) -> bytes:
    descriptor = os.open(f"/proc/{thread}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, length, address)
    finally:
        os.close(descriptor)


def _descriptor_flags(thread: int, descriptor: int) -> int:
    with open(f"/proc/{thread}/fdinfo/{descriptor}") as file:
        for line in file:
            if line.startswith("flags:"):
                return int(line.split()[1], 8)
    return 0


def _reap(guest: int) -> "int | None":
    """Reap whatever ended; the guest's state once it is among them."""
    state = None
    while True:
        try:
            process, found = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return state
        if process == 0:
            return state
        if process == guest:
            state = found


def _kill_everything() -> None:
    """Stop all that descends from here, so that none can make another, then kill it."""
    while True:
        stopped: set[int] = set()
        while found := _below(os.getpid()) - stopped:
            for process in found:
                _signal(process, signal.SIGSTOP)
            stopped |= found
        for process in stopped:
            _signal(process, signal.SIGKILL)
        _reap(0)
        if not stopped:
            return
        time.sleep(0.001)


def _below(root: int) -> "set[int]":
    """Return all descendants of a process."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    found: set[int] = set()
    level = {root}
    while level:
        level = {process for process, parent in parents.items() if parent in level}
        found |= level
    return found


def _signal(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


if __name__ == "__main__":
    keep(Settings(int(sys.argv[1])))
