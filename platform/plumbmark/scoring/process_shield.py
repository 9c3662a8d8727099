"""Runs inside the sandbox: shuts a process off from the memory and descriptors of the others.

Standard library only; its text is put before that of the programs that use it. Processes of one
user may read each other's memory in /proc. A process in a Landlock domain of its own may not.
"""

import ctypes
import os

_PR_SET_NO_NEW_PRIVS = 38
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_MAKE_BLOCK = 1 << 11
"""Making block devices, which no guest can do anyway: a domain must forbid something."""


class NotShielded(OSError):
    """This kernel lets the process read the memory of others."""


def shield() -> None:
    """Shut this process and its descendants off from all others, for good; `NotShielded` where it
    cannot be done.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    handled = ctypes.c_uint64(_MAKE_BLOCK)
    rules = libc.syscall(_CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(8), 0)
    if rules >= 0:
        libc.syscall(_RESTRICT_SELF, rules, 0)
        os.close(rules)
    for process in (os.getppid(), 1):
        try:
            os.close(os.open(f"/proc/{process}/mem", os.O_RDONLY))
        except OSError:
            continue
        raise NotShielded
