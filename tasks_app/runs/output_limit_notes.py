"""The note in a run's log that answers had a smaller limit than what was asked for."""

from plumbmark.common.clock import now
from tasks_app.models import Run

OUTPUT_LIMIT_EVENT = "output limit lowered"


def noted_output_limit(run: Run) -> int | None:
    """Return the limit of an answer that the run's log notes; None where the requested was sent."""
    return next(
        (line["max_output_tokens"] for line in run.log if line["event"] == OUTPUT_LIMIT_EVENT),
        None,
    )


def note_output_limit(run_id: int, limit: int, *, requested: str) -> int:
    """Note the smallest limit, in one line; return it. Runs in the caller's transaction.

    `requested` says whose limit was lowered, for people.
    """
    run = Run.objects.select_for_update().only("log").get(pk=run_id)
    known = noted_output_limit(run)
    if known is not None and known <= limit:
        return known
    line = {
        "at": now().isoformat(timespec="seconds"),
        "event": OUTPUT_LIMIT_EVENT,
        "detail": (
            f"The model gives at most {limit:,} output tokens, by what its provider says. "
            f"The limit was lowered to that from {requested}."
        ),
        "max_output_tokens": limit,
    }
    others = [entry for entry in run.log if entry["event"] != OUTPUT_LIMIT_EVENT]
    Run.objects.filter(pk=run_id).update(log=[*others, line])
    return limit
