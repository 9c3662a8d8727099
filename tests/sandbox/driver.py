"""Runs one job in a process of its own, as whatever user that is: a pickled request on standard
input, a pickled report on standard output. Imports nothing but the sandbox."""

import asyncio
import pickle
import sys
from typing import Any

from plumbmark.sandbox.contract import ExecutionReport, Sandbox, SandboxJob


def back_end(name: str, **options: Any) -> Sandbox:
    if name == "bubblewrap":
        from plumbmark.sandbox.bubblewrap import Bubblewrap

        return Bubblewrap(**options)
    from plumbmark.sandbox.landlock import Landlock

    return Landlock(**options)


def run(name: str, job: SandboxJob, **options: Any) -> ExecutionReport:
    return asyncio.run(back_end(name, **options).run(job))


if __name__ == "__main__":
    backend, asked = pickle.load(sys.stdin.buffer)
    pickle.dump(run(backend, asked), sys.stdout.buffer)
