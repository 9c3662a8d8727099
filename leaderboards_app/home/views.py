"""The home page."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from benchmarks_app.models import Benchmark
from leaderboards_app.home.picture import Picture, draw_board, draw_example
from leaderboards_app.home.queries import (
    READ_DAYS,
    listed_benchmarks,
    moved_boards,
    own_work,
    rows_of_picture,
)
from plumbmark.web.page_cache import is_stranger, same_for_strangers


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """Show what this site is and what is new on it; to somebody signed in, what is theirs first."""
    listed = listed_benchmarks()
    lists: dict[str, Any] = {
        "moved": moved_boards(),
        "newest": listed.newest,
        "most_read": listed.most_read,
        "read_days": READ_DAYS,
    }
    if request.user.is_authenticated:
        own = own_work(request.user)
        return render(request, "leaderboards_app/home.html", lists | {"own": own})
    pictured, picture = _draw_picture(lists)
    context = lists | {"pictured": pictured, "picture": picture}

    def render_it() -> HttpResponse:
        return render(request, "leaderboards_app/home.html", context)

    if not is_stranger(request):
        return render_it()
    return same_for_strangers(request, f"home {_shown(lists)} {picture}", render_it)


def _draw_picture(lists: dict[str, Any]) -> tuple[Benchmark | None, Picture]:
    """Return the board that moved last, or else the newest, with its picture; or an example."""
    candidates = [(one.benchmark, one.version_id) for one in lists["moved"][:1]]
    candidates += [(one, one.board_version_id) for one in lists["newest"][:1]]
    for benchmark, version in candidates:
        picture = draw_board(rows_of_picture(version)) if version else None
        if picture is not None:
            return benchmark, picture
    return None, draw_example()


def _shown(lists: dict[str, Any]) -> list[Any]:
    """Return everything that the lists show: it changes whenever the page does."""
    return [
        *((one.benchmark.pk, one.benchmark.title, one.public_id) for one in lists["moved"]),
        *((one.pk, one.updated_at, one.board_version_id) for one in lists["newest"]),
        *((one.pk, one.updated_at, one.readings_lately) for one in lists["most_read"]),
    ]
