"""Answers that are the same for everybody who may see a snapshot."""

from collections.abc import Callable

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from leaderboards_app.models import Standings
from leaderboards_app.standings.queries import snapshot_fingerprint, standings_at
from plumbmark.accounts.permissions import Visitor
from plumbmark.common.retention import withheld_note
from plumbmark.web.page_cache import is_stranger, same_for_strangers


def readable_standings(public_id: str, *, to: Visitor) -> Standings:
    """Return a snapshot whose content is there; 404 otherwise, or if the reader may not see it."""
    standings = standings_at(public_id=public_id, to=to)
    if standings.is_withheld:
        raise Http404(withheld_note(standings))
    return standings


def same_for_readers(
    request: HttpRequest, public_id: str, what: str, render: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Return what `render` returns, kept for strangers. `render` checks who may see it.

    What a stranger may see, another site may show.
    """
    fingerprint = snapshot_fingerprint(public_id=public_id) if is_stranger(request) else None
    if fingerprint is None:
        return render()
    response = same_for_strangers(request, f"{what} {fingerprint}", render)
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
