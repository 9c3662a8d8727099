"""The log of a run: followed while it lasts, a list afterwards."""

import json
import threading
import time
from collections.abc import Iterator

from django.http import JsonResponse, StreamingHttpResponse

from plumbmark.compat.kaggle.rpc.calls import Answer, Call
from plumbmark.compat.kaggle.rpc.runs import run_of
from tasks_app.models import Run

FOLLOWED_SECONDS = 30.0
"""A web thread is held as long; who wants more asks again."""
FOLLOWERS_AT_ONCE = 2
"""In one process. Whoever comes beyond gets what there is."""
_EVERY_SECONDS = 0.5
_followers = threading.BoundedSemaphore(FOLLOWERS_AT_ONCE)


def get_benchmark_task_run_logs(call: Call) -> Answer:
    """Server-sent events while the run lasts, a JSON list when it has ended."""
    run = run_of(call)
    if run.is_finished:
        return JsonResponse([{"data": piece} for piece in lines_after(run, 0)], safe=False)
    response = StreamingHttpResponse(_events(run), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    # Left alone by the compression, which would hold the events back.
    response["Content-Encoding"] = "identity"
    return response


def lines_after(run: Run, place: int) -> list[str]:
    """The pieces of a run's log from a place on, each with its line ends."""
    return [
        f"{line['at']} {line['event']}{': ' if line['detail'] else ''}{line['detail']}\n"
        for line in run.log[place:]
    ]


def _events(run: Run) -> Iterator[bytes]:
    follows = _followers.acquire(blocking=False)
    try:
        place = 0
        ends = time.monotonic() + FOLLOWED_SECONDS
        while True:
            pieces = lines_after(run, place)
            place += len(pieces)
            for piece in pieces:
                yield f"data: {json.dumps({'data': piece})}\n\n".encode()
            if run.is_finished or not follows or time.monotonic() > ends:
                return
            time.sleep(_EVERY_SECONDS)
            run.refresh_from_db(fields=["log", "state"])
    finally:
        if follows:
            _followers.release()
