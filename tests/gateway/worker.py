"""A process that makes calls, to be raced against another or killed in the middle.

    python -m tests.gateway.worker GRANT DEPLOYMENT CALLS WINDOW PREFIX

prints one line per answered call, `<key> <charged>`, as soon as it has the answer, and at the end
`done`. With CALLS 0 it goes on until it is killed.
"""

import asyncio
import itertools
import os
import sys


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")
    django.setup()
    from plumbmark.engine.ports import ModelRequest
    from plumbmark.gateway.budget import leases
    from plumbmark.gateway.calls import runtime

    # On a busy machine the calls of both processes take longer than a hold waits for them.
    leases.PATIENCE_SECONDS = 60.0
    grant_id, deployment_id, calls, window = (int(argument) for argument in sys.argv[1:5])
    prefix = sys.argv[5]

    async def work() -> None:
        gateway = runtime.gateway()
        caller = await gateway.caller(grant_id=grant_id, deployment_id=deployment_id)
        numbers = iter(range(calls)) if calls else itertools.count()

        async def ask() -> None:
            for n in numbers:
                request = ModelRequest([{"role": "user", "content": f"What is {n}+{n}?"}], 32)
                result = await caller.call(request, key=f"{prefix}:{n}", role="candidate")
                if result.response is not None:
                    # One write: what is on the pipe was really handed to the caller.
                    os.write(1, f"{prefix}:{n} {result.charged}\n".encode())

        await asyncio.gather(*(ask() for _ in range(window)))

    os.write(1, b"ready\n")
    sys.stdin.readline()
    runtime.run(work())
    runtime.shutdown()
    os.write(1, b"done\n")


if __name__ == "__main__":
    main()
