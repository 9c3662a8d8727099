"""Light, dark or as the system says: a cookie that the server reads, so that nothing flashes."""

from typing import Literal, get_args

from django.http import HttpRequest, HttpResponse

Theme = Literal["system", "light", "dark"]
THEMES: tuple[Theme, ...] = get_args(Theme)
COOKIE = "theme"
_YEAR = 365 * 24 * 3600


def theme_of(request: HttpRequest) -> Theme:
    value = request.COOKIES.get(COOKIE)
    if value == "light":
        return "light"
    if value == "dark":
        return "dark"
    return "system"


def remember_theme(response: HttpResponse, theme: Theme, *, secure: bool) -> None:
    """Set the cookie, or drop it for `system`."""
    if theme == "system":
        response.delete_cookie(COOKIE, samesite="Lax")
    else:
        response.set_cookie(
            COOKIE, theme, max_age=_YEAR, samesite="Lax", secure=secure, httponly=True
        )
