"""The list of guides, a guide, and the files to which guides link. No queries."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from plumbmark.guides.library import Guide, Library, read_library
from plumbmark.guides.rendering import render_guide
from plumbmark.web.page_cache import is_stranger, same_for_strangers

_IN_CONTENTS = (2, 3)
"""Levels of headings in the list of contents."""


@require_safe
def guide_list(request: HttpRequest) -> HttpResponseBase:
    library = read_library()

    def render_it() -> HttpResponse:
        groups = [
            {
                "audience": audience,
                "guides": [
                    {"guide": one, "summary": render_guide(one, library).summary} for one in guides
                ],
            }
            for audience, guides in library.by_audience()
        ]
        context = {"groups": groups, "security_contacts": settings.SECURITY_CONTACT}
        return render(request, "guides/list.html", context)

    return _respond(request, library, render_it)


@require_safe
def guide_detail(request: HttpRequest, name: str) -> HttpResponseBase:
    library = read_library()
    guide = library.guides.get(name)
    if guide is None:
        raise Http404(_("There is no such guide."))

    def render_it() -> HttpResponse:
        return render(request, "guides/guide.html", _context_of(guide, library))

    return _respond(request, library, render_it)


def _context_of(guide: Guide, library: Library) -> dict[str, Any]:
    rendered = render_guide(guide, library)
    before, after = library.neighbours(guide)
    return {
        "guide": guide,
        "rendered": rendered,
        "contents": [one for one in rendered.sections if one.level in _IN_CONTENTS],
        "groups": library.by_audience(),
        "before": before,
        "after": after,
        "trail": [
            {"label": _("Help"), "url": reverse("help")},
            {
                "label": guide.audience.label,
                "url": f"{reverse('help')}#{guide.audience.value}",
            },
            {"label": guide.title},
        ],
    }


@require_safe
def guide_file(request: HttpRequest, name: str) -> HttpResponse:
    file = read_library().files.get(name)
    if file is None:
        raise Http404(_("There is no such file."))
    return HttpResponse(
        file.read_bytes(),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file.name}"'},
    )


def _respond(request: HttpRequest, library: Library, render_it: Any) -> HttpResponseBase:
    if not is_stranger(request):
        return render_it()  # type: ignore[no-any-return]
    return same_for_strangers(request, f"guides {library.fingerprint}", render_it)
