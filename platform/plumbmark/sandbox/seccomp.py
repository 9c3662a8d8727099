"""System calls that a guest may not make, as a classic BPF program; no library is needed.

It refuses the calls by which programs have escaped from sandboxes, those that change the machine,
and any call newer than this file. The list for Landlock is longer: without namespaces the guest
must also have no access to the sockets, signals and file modes of its neighbours.
"""

import errno
import struct
from dataclasses import dataclass

_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _JUMP_FROM, _JUMP_BITS = 0x20, 0x15, 0x25, 0x35, 0x45
_AND, _RETURN = 0x54, 0x06
_KILL, _ERRNO, _ALLOW, _NOTIFY = 0x80000000, 0x00050000, 0x7FFF0000, 0x7FC00000

_NEWEST = 462
"""`mseal`. Later calls are answered ENOSYS, as an older kernel would."""
_X32 = 0x40000000
"""The bit of x86_64's second calling convention, which would pass by every number below."""

_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""
_SET_ID_BITS = 0o6000
_FAST_OPEN = 0x20000000
"""MSG_FASTOPEN: a send that connects, past every check of `connect`."""

_UNIX, _INET, _INET6 = 1, 2, 10
_STREAM, _DATAGRAM, _SEQUENCED = 1, 2, 5
_TCP, _UDP = 6, 17

Instruction = tuple[int, int, int, int]
_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    # name: (x86_64, aarch64)
    "accept": (43, 202),
    "accept4": (288, 242),
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bind": (49, 200),
    "bpf": (321, 280),
    "chmod": (90, None),
    "chown": (92, None),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "connect": (42, 203),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "fcntl": (72, 25),
    "finit_module": (313, 273),
    "fremovexattr": (199, 16),
    "fsconfig": (431, 431),
    "fsetxattr": (190, 7),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "futimesat": (261, None),
    "init_module": (175, 105),
    "inotify_add_watch": (254, 27),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "kill": (62, 129),
    "lchown": (94, None),
    "listen": (50, 201),
    "lookup_dcookie": (212, 18),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "removexattr": (197, 14),
    "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "seccomp": (317, 277),
    "semget": (64, 190),
    "sendmmsg": (307, 269),
    "sendmsg": (46, 211),
    "sendto": (44, 206),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "setpriority": (141, 140),
    "settimeofday": (164, 170),
    "setxattr": (188, 5),
    "shmget": (29, 194),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "utime": (132, None),
    "utimensat": (280, 88),
    "utimes": (235, None),
    "vhangup": (153, 58),
    "vmsplice": (278, 75),
}


def _words(text: str) -> list[str]:
    return text.split()


_FORBIDDEN = _words(
    # the file system's shape, and namespaces
    "mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick "
    "mount_setattr unshare setns open_by_handle_at name_to_handle_at quotactl quotactl_fd "
    # looking into other processes
    "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd perf_event_open process_madvise "
    "process_mrelease move_pages migrate_pages "
    # the machine
    "bpf init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff "
    "syslog acct settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname "
    "vhangup iopl ioperm modify_ldt lookup_dcookie nfsservctl uselib "
    # keys, and parts of the kernel with a long record of faults
    "add_key request_key keyctl io_uring_setup io_uring_enter io_uring_register userfaultfd "
    "fanotify_init vmsplice seccomp "
    # memory that no process is seen to use, and that would outlive one
    "memfd_create memfd_secret msgget semget shmget mq_open"
)

_SHARED_WITH_THE_HOST = _words(
    # Without a network namespace a listener is the host's.
    "listen accept accept4 bind "
    # The host's processes and files of the same user.
    "setpriority ioprio_set sched_setattr sched_setparam sched_setscheduler inotify_add_watch"
)
_PRETENDED = _words(
    # Landlock has no say over a file's mode, owner, times and attributes, and the guest may be the
    # owner of files that it cannot even read. Answered "done" and not done, because copying and
    # unpacking make these calls and fail on an error.
    "chmod fchmod fchmodat fchmodat2 chown lchown fchown fchownat utime utimes futimesat utimensat "
    "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr"
)
_SIGNALS = _words("kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal")

_PERSONALITY_QUERY = 0xFFFFFFFF
_TIOCSTI, _TIOCLINUX, _FIOSETOWN, _SIOCSPGRP = 0x5412, 0x541C, 0x8901, 0x8902
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP = 1, 4, 22


class UnknownMachine(RuntimeError):
    """There are no system call numbers for this processor."""


@dataclass(frozen=True, slots=True)
class _Machine:
    audit: int
    column: int


_MACHINES = {"x86_64": _Machine(0xC000003E, 0), "aarch64": _Machine(0xC00000B7, 1)}


def for_bubblewrap(machine: str) -> bytes:
    """Return the filter for a guest in its own namespaces."""
    program = _Program(machine)
    for name in _FORBIDDEN:
        program.refuse(name)
    _common(program)
    program.when("socket", _sockets_of_a_namespace())
    return program.compile()


def for_landlock(machine: str, *, has_gateway: bool, scopes_signals: bool) -> bytes:
    """Return the filter for a guest among the host's processes.

    With a gateway, TCP sockets can be created and the keeper decides on `connect`
    (`inside.keeper`); without one there are no sockets at all. `scopes_signals` says whether
    Landlock confines signals; if it does not, the guest may send none.
    """
    program = _Program(machine)
    for name in [*_FORBIDDEN, *_SHARED_WITH_THE_HOST]:
        program.refuse(name)
    for name in _PRETENDED:
        program.answer(name, 0)
    if not scopes_signals:
        for name in _SIGNALS:
            program.refuse(name)
    _common(program, pretends_modes=True)
    program.when("socket", _only_tcp() if has_gateway else [_refusal()])
    # A pair of datagram sockets could be turned to any socket file of the host afterwards.
    program.when("socketpair", [_argument(1), _mask(0xF), *_only_one_of(_STREAM, _SEQUENCED)])
    program.when("connect", [_ends(_NOTIFY)] if has_gateway else [_refusal()])
    for name, flags in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)):
        program.when(name, [_argument(flags), *_none_of_bits(_FAST_OPEN)])
    for name in ("prlimit64", "sched_setaffinity"):
        # Of itself, not of a neighbour with the same user.
        program.when(name, [_argument(0), *_only_one_of(0)])
    program.when("fcntl", [_argument(1), *_none_of(_F_SETOWN, _F_SETSIG, _F_SETOWN_EX)])
    return program.compile()


def _common(program: "_Program", *, pretends_modes: bool = False) -> None:
    # Its flags lie in memory, where a filter cannot look; on ENOSYS libraries take clone.
    program.answer("clone3", errno.ENOSYS)
    program.when("clone", [_argument(0), *_none_of_bits(_NAMESPACES)])
    program.when("personality", [_argument(0), *_only_one_of(0, _PERSONALITY_QUERY)])
    program.when("ioctl", [_argument(1), *_none_of(_TIOCSTI, _TIOCLINUX, _FIOSETOWN, _SIOCSPGRP)])
    # The watchdog looks into the guest's processes: they may not hide, nor outlive their parent.
    program.when(
        "prctl", [_argument(0), *_none_of(_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP)]
    )
    if not pretends_modes:
        for name, mode in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("fchmodat2", 2)):
            program.when(name, [_argument(mode), *_none_of_bits(_SET_ID_BITS)])


def _sockets_of_a_namespace() -> list[Instruction]:
    """Allow UNIX sockets of any kind; INET only as TCP and UDP."""
    return [
        _argument(0),
        (_JUMP_EQUAL, 0, 1, _UNIX),
        _ends(_ALLOW),
        (_JUMP_EQUAL, 2, 0, _INET),
        (_JUMP_EQUAL, 1, 0, _INET6),
        _NO_SUCH_FAMILY,
        _argument(2),
        *_only_one_of(0, _TCP, _UDP),
    ]


def _only_tcp() -> list[Instruction]:
    """Check the protocol too: multipath TCP and SCTP are streams, but Landlock does not know
    them.
    """
    return [
        _argument(0),
        (_JUMP_EQUAL, 2, 0, _INET),
        (_JUMP_EQUAL, 1, 0, _INET6),
        _NO_SUCH_FAMILY,
        _argument(1),
        _mask(0xF),
        (_JUMP_EQUAL, 1, 0, _STREAM),
        _refusal(),
        _argument(2),
        *_only_one_of(0, _TCP),
    ]


# What libzmq, and with it every notebook kernel, takes for a machine without netlink; on any other
# error it ends the process.
_NO_SUCH_FAMILY: Instruction = (_RETURN, 0, 0, _ERRNO | errno.EOPNOTSUPP)


class _Program:
    """Rules for one machine, each of which ends in an answer."""

    def __init__(self, machine: str) -> None:
        if machine not in _MACHINES:
            raise UnknownMachine(
                f"No system call numbers are known for {machine}; only for {', '.join(_MACHINES)}."
            )
        self._machine = _MACHINES[machine]
        self._rules: list[Instruction] = []

    def when(self, name: str, answer: list[Instruction]) -> None:
        number = _NUMBERS[name][self._machine.column]
        if number is not None:
            self._rules += [(_JUMP_EQUAL, 0, len(answer), number), *answer]

    def answer(self, name: str, error: int) -> None:
        self.when(name, [_ends(_ERRNO | error)])

    def refuse(self, name: str) -> None:
        self.when(name, [_refusal()])

    def compile(self) -> bytes:
        program: list[Instruction] = [
            (_LOAD, 0, 0, 4),
            (_JUMP_EQUAL, 1, 0, self._machine.audit),
            _ends(_KILL),
            (_LOAD, 0, 0, 0),
            (_JUMP_FROM, 0, 1, _X32),
            _refusal(),
            (_JUMP_ABOVE, 0, 1, _NEWEST),
            _ends(_ERRNO | errno.ENOSYS),
            *self._rules,
            _ends(_ALLOW),
        ]
        return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _ends(answer: int) -> Instruction:
    return (_RETURN, 0, 0, answer)


def _refusal() -> Instruction:
    return _ends(_ERRNO | errno.EPERM)


def _argument(index: int) -> Instruction:
    """Load the low half of an argument; both machines are little-endian, and flags are 32 bits."""
    return (_LOAD, 0, 0, 16 + 8 * index)


def _mask(mask: int) -> Instruction:
    return (_AND, 0, 0, mask)


def _none_of_bits(mask: int) -> list[Instruction]:
    return [(_JUMP_BITS, 0, 1, mask), _refusal(), _ends(_ALLOW)]


def _none_of(*values: int) -> list[Instruction]:
    tests = [
        (_JUMP_EQUAL, len(values) - position, 0, value) for position, value in enumerate(values)
    ]
    return [*tests, _ends(_ALLOW), _refusal()]


def _only_one_of(*values: int) -> list[Instruction]:
    tests = [
        (_JUMP_EQUAL, len(values) - position, 0, value) for position, value in enumerate(values)
    ]
    return [*tests, _refusal(), _ends(_ALLOW)]
