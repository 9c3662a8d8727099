"""Memory for the frames of a thread's calls, taken once.

Python keeps the frames of calls in pieces of 16 KiB and returns a piece to the system as soon as
the call that began it ends. Django's layers are about as deep as one piece, so a loop often runs
where every call begins a piece: two system calls and a page fault each, up to a third of a
request's time. Python 3.15 mends it, and late releases of 3.13 and 3.14
(https://github.com/python/cpython/issues/142183).
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_SLOTS = 2**16
"""Of 8 bytes each. A piece is the next power of two above what a frame needs, so that as much is
left for the calls inside: a thousand calls, as deep as Python goes. What is not used takes no
memory.
"""


def call_on_long_stack(
    function: Callable[_Arguments, _Result],
    /,
    *args: _Arguments.args,
    **kwargs: _Arguments.kwargs,
) -> _Result:
    """Call a function, and give it and all that it calls one piece of memory for their frames.

    For the outermost call of a thread that serves requests or does the work of runs.
    """
    return function(*args, **kwargs)


# It claims to need that many slots for itself, which is what makes Python take a larger piece.
call_on_long_stack.__code__ = call_on_long_stack.__code__.replace(co_stacksize=_SLOTS)
