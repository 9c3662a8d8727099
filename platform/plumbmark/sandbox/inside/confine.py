"""Landlock and seccomp for the calling process and its descendants; only through ctypes."""

import ctypes
import os
import stat
import struct

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_PATH_BENEATH = 1
_VERSION_ONLY = 1
_NEW_LISTENER = 1 << 3
_NO_NEW_PRIVS, _CHILD_SUBREAPER, _PARENT_DEATH_SIGNAL, _AMBIENT = 38, 36, 1, 47
_AMBIENT_CLEAR = 4

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
READ = _READ_FILE | _READ_DIR | _EXECUTE
DEVICE = _READ_FILE | _WRITE_FILE
_TCP = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

OLDEST_VERSION = 3
"""Before it, `truncate` was not restricted."""
FIRST_WITH_SIGNALS = 6

_libc = ctypes.CDLL(None, use_errno=True)


def landlock_version() -> int:
    """Return the version of Landlock; 0 if the kernel has none or does not allow it."""
    found = int(_libc.syscall(_CREATE_RULESET, None, 0, _VERSION_ONLY))
    return max(0, found)


def all_rights(version: int) -> int:
    """Return all rights to files that this version knows and that may be granted: not to create
    devices.
    """
    known = (1 << 15) - 1 if version < 5 else (1 << 16) - 1
    return known & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV)


def restrict_paths(version: int, rules: "list[tuple[str, int]]") -> None:
    """Allow the paths named, with their rights, and nothing else: no TCP either, and no signals or
    abstract sockets to the outside where the kernel knows these restrictions."""
    handled = all_rights(version) | _MAKE_CHAR | _MAKE_BLOCK | (_IOCTL_DEV if version >= 5 else 0)
    attributes = struct.pack("=Q", handled)
    if version >= 4:
        attributes += struct.pack("=Q", _TCP)
    if version >= FIRST_WITH_SIGNALS:
        attributes += struct.pack("=Q", _ABSTRACT_SOCKETS_AND_SIGNALS)
    ruleset = _check_result(
        "landlock_create_ruleset", _CREATE_RULESET, attributes, len(attributes), 0
    )
    for path, rights in rules:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _ON_FILES
        rule = struct.pack("=Qi", rights, place)
        _check_result("landlock_add_rule", _ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
        os.close(place)
    _check_result("landlock_restrict_self", _RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def renounce_privileges() -> None:
    """Make sure that nothing executed from now on gains rights."""
    _libc.prctl(_AMBIENT, _AMBIENT_CLEAR, 0, 0, 0)
    if _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")


def load_filter(program: bytes, *, with_listener: bool) -> int:
    """Load the seccomp program; gives the descriptor that hears of the calls it notifies, or -1."""
    number = _SECCOMP[os.uname().machine]
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    flags = _NEW_LISTENER if with_listener else 0
    found = _check_result("seccomp", number, 1, flags, header)
    return found if with_listener else -1


def die_with_parent(signal_number: int) -> None:
    _libc.prctl(_PARENT_DEATH_SIGNAL, signal_number, 0, 0, 0)


def adopt_orphans() -> None:
    """Keep everything that descends from this process below it."""
    if _libc.prctl(_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "child subreaper")


def _check_result(what: str, number: int, *arguments: "int | bytes") -> int:
    converted = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    found = int(_libc.syscall(number, *converted))
    if found < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return found
