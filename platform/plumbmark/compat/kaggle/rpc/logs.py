"""The log of a run: followed while it lasts, a list afterwards."""

import json
import threading
import time
from collections.abc import Iterator

from django.http import JsonResponse, StreamingHttpResponse

from plumbmark.compat.kaggle.rpc.calls import Answer, RpcCall
from plumbmark.compat.kaggle.rpc.runs import run_of
from tasks_app.kinds import kind_of
from tasks_app.models import LogChunk, Run
from tasks_app.permissions import can_view_program

FOLLOWED_SECONDS = 30.0
"""A web thread is busy for this long; clients that want more ask again."""
MAX_FOLLOWERS = 2
"""In one process. Further clients get what there is."""
_EVERY_SECONDS = 0.5
_followers = threading.BoundedSemaphore(MAX_FOLLOWERS)


def get_benchmark_task_run_logs(call: RpcCall) -> Answer:
    """Return server-sent events while the run lasts, a JSON list when it has ended."""
    run = run_of(call)
    is_whole = can_view_program(call.user, run)
    if run.is_finished:
        pieces = lines_after(run, 0, is_whole=is_whole)
        return JsonResponse([{"data": piece} for piece in pieces], safe=False)
    response = StreamingHttpResponse(_events(run, is_whole), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    # Not compressed, which would delay the events.
    response["Content-Encoding"] = "identity"
    return response


def lines_after(run: Run, place: int, *, is_whole: bool) -> list[str]:
    """Return the pieces of a run's log after `place`: what its program wrote, else the run's
    events.

    `is_whole` is false for callers who may not see the program's output.
    """
    if is_whole and kind_of(run.task_version).runs_program:
        chunks = LogChunk.objects.filter(run=run).order_by("position")
        texts = list(chunks.values_list("text", flat=True)[place:])
        # A program that never started wrote nothing; the run's events say why.
        if texts or place or not run.is_finished:
            return texts
    return [
        f"{line['at']} {line['event']}{': ' if line['detail'] else ''}{line['detail']}\n"
        for line in run.log[place:]
    ]


def _events(run: Run, is_whole: bool) -> Iterator[bytes]:
    follows = _followers.acquire(blocking=False)
    try:
        place = 0
        ends = time.monotonic() + FOLLOWED_SECONDS
        while True:
            pieces = lines_after(run, place, is_whole=is_whole)
            place += len(pieces)
            is_over = run.is_finished
            for piece in pieces:
                yield f"data: {json.dumps({'data': piece})}\n\n".encode()
            if is_over or not follows or time.monotonic() > ends:
                return
            time.sleep(_EVERY_SECONDS)
            run.refresh_from_db(fields=["log", "state"])
    finally:
        if follows:
            _followers.release()
