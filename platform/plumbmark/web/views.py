"""Pages that belong to no app: theme, the component gallery, kept mails, errors."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.core.paginator import Paginator
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import render
from django.template import loader
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from plumbmark.common.uploads import too_many_files_message, too_much_text_message
from plumbmark.web import mail
from plumbmark.web.theme import THEMES, remember_theme, theme_of


# A colour scheme needs no CSRF protection: without a token, pages that only show something need no
# CSRF cookie.
@csrf_exempt
@require_POST
def theme_set(request: HttpRequest) -> HttpResponse:
    target = request.POST.get("next", "/")
    if not target.startswith("/") or not url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        target = "/"
    # Not `redirect`, to which a word is the name of a view.
    response = HttpResponseRedirect(target)
    for theme in THEMES:
        if request.POST.get("theme") == theme:
            remember_theme(response, theme, secure=request.is_secure())
    return response


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    """Show every component once, for those who build pages and for the accessibility tests."""
    if not (settings.DEBUG or getattr(request.user, "is_staff", False)):
        raise Http404
    context = {
        "trail": [
            {"label": "Benchmarks", "url": "/"},
            {"label": "ada", "url": "/"},
            {"label": "Number words"},
        ],
        "tabs": [
            {"label": "Standings", "url": "?tab=standings", "current": True, "count": None},
            {"label": "Runs", "url": "?tab=runs", "current": False, "count": 48},
            {"label": "Discussion", "url": "?tab=talk", "current": False, "count": None},
        ],
        "links": [
            {"label": "Profile", "url": "?part=profile", "current": True},
            {"label": "API tokens", "url": "?part=tokens", "current": False},
        ],
        "rows": [
            {"key": "Engine", "value": "0.1.0"},
            {"key": "Question hash", "value": "h1:9f86d081884c7d659a2feaa0c55ad015"},
            {"key": "Owner", "value": "ada", "url": "/"},
        ],
        "facts": [
            {"key": "Models", "value": "48", "note": "4 baselines"},
            {"key": "Questions", "value": "1,200", "note": "300 private"},
            {"key": "Spend", "value": "$12.40"},
        ],
        "standings": [
            {"rank": "1-2", "model": "larch-3", "maker": "Arbor", "score": 0.842, "low": 0.819,
             "high": 0.863, "n": "1,200", "cost": "$3.10"},
            {"rank": "1-2", "model": "cedar-mini", "maker": "Arbor", "score": 0.831, "low": 0.808,
             "high": 0.852, "n": "1,200", "cost": "$0.42"},
            {"rank": "3", "model": "quartz-9b", "maker": "Lithos", "score": 0.655, "low": 0.627,
             "high": 0.682, "n": "1,200", "cost": "$0.05"},
        ],
        "states": ["queued", "running", "paused", "completed", "failed", "cancelled"],
        "exchange": [
            {"role": "system", "label": "System", "text": "Answer with one word."},
            {"role": "user", "label": "User", "text": "Which number word comes after twelve?"},
            {"role": "assistant", "label": "larch-3", "text": "thirteen",
             "note": "14 tokens, 0.42 s"},
            {"role": "withheld", "label": "Judge", "text": "Withheld: private item."},
        ],
        "markdown": (
            "A **bio** with a [link](https://example.org), `code` and a list:\n\n"
            "- one\n- two\n\n| model | score |\n|---|--:|\n| larch-3 | 0.842 |\n\n"
            "```\nprint('hello')\n```\n"
        ),
        "page": Paginator(range(312), 10).get_page(4),
        "now": timezone.now(),
        "code": "from openai import OpenAI\n\nclient = OpenAI(base_url=\"…/v1\")\n",
    }  # fmt: skip
    return render(request, "gallery.html", context)


def _staff_with_local_mailbox(request: HttpRequest) -> None:
    """Raise 404 for everyone else: those who are not staff need not know that the page exists."""
    if not mail.mailbox_is_local() or not getattr(request.user, "is_staff", False):
        raise Http404


@never_cache
@login_required
@require_safe
def mail_list(request: HttpRequest) -> HttpResponse:
    _staff_with_local_mailbox(request)
    return render(request, "staff/mail_list.html", {"mails": mail.stored_mails()})


@never_cache
@login_required
@require_safe
def mail_detail(request: HttpRequest, name: str) -> HttpResponse:
    _staff_with_local_mailbox(request)
    found = mail.stored_mail(name)
    if found is None:
        raise Http404
    context = {
        "mail": found,
        "trail": [{"label": _("Mail"), "url": reverse("staff_mail")}, {"label": found.subject}],
        "rows": [
            {"key": _("From"), "value": found.sender},
            {"key": _("To"), "value": found.to},
        ],
    }
    return render(request, "staff/mail_detail.html", context)


# --- Errors ---------------------------------------------------------------------------------------


_CODES = {
    400: "bad-request",
    403: "permission-denied",
    404: "not-found",
    413: "too-large",
    429: "throttled",
    500: "server-error",
}


def error_page(
    request: HttpRequest,
    status: int,
    title: str,
    text: str,
    *,
    retry_url: str = "",
    offers_sign_in: bool = False,
) -> HttpResponse:
    """Render a page that needs neither the database nor a session: they may be what is broken.

    Programs that use the REST API get the same as problem+json.
    """
    if request.path.startswith("/api/"):
        body = {
            "title": str(title),
            "status": status,
            "code": _CODES.get(status, "error"),
            "detail": str(text),
        }
        return JsonResponse(body, status=status, content_type="application/problem+json")
    context = {
        "status": status,
        "title": title,
        "text": text,
        "retry_url": retry_url,
        "sign_in_url": _sign_in_url(request) if offers_sign_in else "",
        "theme": theme_of(request),
    }
    return HttpResponse(loader.get_template("error.html").render(context), status=status)


def _sign_in_url(request: HttpRequest) -> str:
    """Return the address for signing in and coming back; empty for whoever has a session."""
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        return ""
    return f"{reverse(settings.LOGIN_URL)}?{urlencode({'next': request.get_full_path()})}"


def _page_above(path: str) -> str:
    """Return the nearest page above an address that only accepts forms."""
    while path.strip("/"):
        path = path.rstrip("/").rpartition("/")[0] + "/"
        try:
            resolve(path)
        except Resolver404:
            continue
        return path
    return "/"


def _page_of_the_form(request: HttpRequest) -> str:
    """Return the address of the page whose form was sent, as far as the browser says."""
    came_from = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(
        came_from, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return came_from
    return request.path


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, TooManyFilesSent):
        return error_page(request, 400, _("Too many files"), too_many_files_message())
    if isinstance(exception, RequestDataTooBig):
        return error_page(request, 413, _("Too much data"), too_much_text_message())
    return error_page(
        request,
        400,
        _("That request could not be read"),
        _("Something in it is not as expected. Go back, reload the page and try again."),
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(
        request,
        403,
        _("You do not have access"),
        str(exception) or _("Sign in with another account, or ask the owner for access."),
        offers_sign_in=True,
    )


def method_not_allowed(request: HttpRequest) -> HttpResponse:
    """Answer 405: mostly an address of a form that was opened directly, for example by a reload."""
    return error_page(
        request,
        405,
        _("This address only accepts forms"),
        _("There is nothing to see here. The page it belongs to is one level up."),
        retry_url=_page_above(request.path),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    return error_page(
        request,
        403,
        _("The form has expired"),
        _(
            "For your safety, forms work only from a page that this site showed you a moment ago, "
            "and only with cookies allowed. Open the page again and send the form once more."
        ),
        retry_url=_page_of_the_form(request),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(
        request,
        404,
        _("There is no page here"),
        _("It may have been renamed, or it may not be visible to you. Signing in may help."),
        offers_sign_in=True,
    )


def too_many_requests(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        429,
        _("Too many requests"),
        _("Wait a few minutes, then try again."),
        retry_url=request.path,
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return error_page(
        request,
        500,
        _("Something went wrong on our side"),
        _("The error has been logged. Everything you had saved is safe; please try again."),
    )
