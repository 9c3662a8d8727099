"""Files of a snapshot, for pages and for the API alike."""

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from leaderboards_app.board.arrangement import arrange
from leaderboards_app.board.responses import readable_standings, same_for_readers
from leaderboards_app.board.snapshots import query_of, snapshot_of
from leaderboards_app.exports.items_table import count_rows, items_table, visible_tasks_of
from leaderboards_app.exports.standings_table import canary_of, standings_table
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.common.etags import not_modified, tag
from plumbmark.common.table_files import MEDIA_TYPES
from plumbmark.web.downloads import respond_with_table

MAX_RESULTS = 2_000_000
"""Rows of one file of results by item: half a minute of one processor."""


def respond_with_standings(
    request: HttpRequest, public_id: str, extension: str
) -> HttpResponseBase:
    """Return the rows of a snapshot, with the filters and the order of the page's address."""

    def write_it() -> HttpResponseBase:
        version = readable_standings(public_id, to=request.user).version
        snapshot, query = snapshot_of(public_id), query_of(request.GET)
        arranged = arrange(snapshot.content, dict(query))
        table = standings_table(snapshot, arranged, version, canary_of(version), query)
        return respond_with_table(
            request, table, extension, expected_rows=arranged.main_count + arranged.apart_count
        )

    if extension not in MEDIA_TYPES:
        raise Http404
    return same_for_readers(request, public_id, "file", write_it)


def respond_with_items(request: HttpRequest, public_id: str, extension: str) -> HttpResponseBase:
    """Return the result of each row on each item that the reader may see. `task` in the address
    chooses one of the tasks by its number on the board.
    """
    standings = readable_standings(public_id, to=request.user)
    version = standings.version
    tasks = visible_tasks_of(version, to=request.user)
    wanted = request.GET.get("task")
    if wanted is not None:
        tasks = [one for one in tasks if str(one.place + 1) == wanted]
        if not tasks:
            raise Http404(_("This board has no such task, or you may not see it."))
    state = "-".join(
        ["items", public_id, *(f"{one.place}{'a' if one.with_private else 'p'}" for one in tasks)]
    )
    unchanged = not_modified(request, state)
    if unchanged is not None:
        return unchanged
    snapshot, query = snapshot_of(public_id), query_of(request.GET)
    arranged = arrange(snapshot.content, dict(query))
    count = count_rows(arranged, tasks)
    if count > MAX_RESULTS:
        raise InvalidInput(
            [
                Problem(
                    f"The file would have {count:,} rows, and {MAX_RESULTS:,} are the most. Add "
                    "task=1 to the address for the first task only, or filter the board's rows.",
                    "task",
                )
            ]
        )
    table = items_table(snapshot, arranged, version, tasks, canary_of(version))
    return tag(respond_with_table(request, table, extension, expected_rows=count), state)
