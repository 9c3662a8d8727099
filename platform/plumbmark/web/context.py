"""What every page's template can see."""

from typing import Any

from django.http import HttpRequest

from plumbmark.web import navigation, theme


def page(request: HttpRequest) -> dict[str, Any]:
    """Return the theme and the navigation, computed only if a template uses them."""
    return {
        "theme": theme.theme_of(request),
        "themes": theme.THEMES,
        "search_page": navigation.search_page,
        "nav_main": lambda: navigation.links_of("main", request),
        "nav_person": lambda: navigation.links_of("person", request),
        "nav_staff": lambda: navigation.links_of("staff", request),
        "nav_footer": lambda: navigation.links_of("footer", request),
    }
