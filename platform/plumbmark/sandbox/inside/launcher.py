"""Process 1 inside bubblewrap: starts the guest under its limits, reaps, carries the gateway.

The guest can do anything to this process: it has nothing that the guest does not have, and every
limit that matters is enforced from outside.
"""

import os
import select
import signal
import sys

TYPE_CHECKING = False  # `typing` costs milliseconds at every start
if TYPE_CHECKING:
    from plumbmark.sandbox.inside.pump import Pump
    from plumbmark.sandbox.inside.settings import Settings, set_limits

_ALWAYS = ("AS", "NPROC", "FSIZE", "NOFILE", "CORE")
_GATEWAY_PORT = 8999


def launch(settings: Settings) -> int:
    """Run the guest to its end; gives the exit code."""
    status, lifeline = settings.number("status"), settings.number("lifeline")
    for descriptor in (status, lifeline):
        os.set_inheritable(descriptor, False)
    set_limits(settings, *_ALWAYS)
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    child_ended, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(child_ended, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    poll.register(child_ended, select.POLLIN)
    gateway = _Gateway(poll, settings.one("gateway")) if settings.one("gateway") else None

    os.write(status, b"started\n")
    guest = os.fork()
    if guest == 0:
        _become_guest(settings)
    _let_go_of_streams()
    while True:
        for descriptor, events in poll.poll():
            if descriptor == lifeline:
                if events & select.POLLHUP:
                    return 1
                os.read(lifeline, 4096)  # the guest found it in /proc and wrote
            if descriptor == child_ended:
                _drain(child_ended)
                ended = _reap(guest)
                if ended is not None:
                    os.write(status, ended.encode())
                    return 0
            elif gateway is not None:
                gateway.handle(descriptor, events)


def _become_guest(settings: Settings) -> None:
    """Become the guest. Never returns."""
    argv = settings.all("argument")
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        _offer_to_the_killer()
        set_limits(settings, "CPU")
        os.chdir(settings.one("directory"))
        os.execvpe(argv[0], argv, settings.environment())  # noqa: S606
    except BaseException as error:
        os.write(2, f"Cannot start {argv[0]!r}: {error}\n".encode()[:2000])
    os._exit(127)


def _let_go_of_streams() -> None:
    """Keep nothing of the guest's input and output: a process of the guest could take them from
    here after the guest has closed them to it.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)


def _offer_to_the_killer() -> None:
    """Let the kernel take guests first where the machine runs out of memory."""
    try:
        with open("/proc/self/oom_score_adj", "wb") as file:
            file.write(b"1000")
    except OSError:
        return


def _reap(guest: int) -> "str | None":
    """Reap whatever ended; the guest's ending as a line, once it is among them."""
    ended = None
    while True:
        try:
            process, state, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if process == 0:
            return ended
        if process == guest:
            cpu = used.ru_utime + used.ru_stime
            ended = f"ended {os.waitstatus_to_exitcode(state)} {cpu:.3f} {used.ru_maxrss}\n"


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        return


class _Gateway:
    """Port 8999 of the guest's own loopback, each connection of which goes to the run's socket."""

    def __init__(self, poll: select.poll, path: str) -> None:
        import socket

        self._socket = socket
        self._path = path
        self._pump = Pump(poll)
        self._listener = socket.create_server(("127.0.0.1", _GATEWAY_PORT), backlog=128)
        self._listener.setblocking(False)
        poll.register(self._listener.fileno(), select.POLLIN)

    def handle(self, descriptor: int, events: int) -> None:
        if self._pump.owns(descriptor):
            self._pump.handle(descriptor, events)
        elif descriptor == self._listener.fileno():
            self._accept()

    def _accept(self) -> None:
        try:
            guest, _ = self._listener.accept()
        except OSError:
            return
        outside = self._socket.socket(self._socket.AF_UNIX, self._socket.SOCK_STREAM)
        try:
            if self._pump.is_full:
                raise ConnectionRefusedError
            outside.connect(self._path)
        except OSError:
            guest.close()
            outside.close()
            return
        self._pump.join(guest, outside)


if __name__ == "__main__":
    os._exit(launch(Settings(int(sys.argv[1]))))
