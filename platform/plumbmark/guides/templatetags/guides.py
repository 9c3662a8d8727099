"""The link from a page to the passage that explains it."""

from functools import lru_cache

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

register = template.Library()


@register.simple_tag(name="help")
def help_link(guide: str, anchor: str = "") -> SafeString:
    """Render the link to a guide, or to a passage of it: `{% help "readers/boards" "ranks" %}`.

    It stands in the block `help` of a page. A test checks that each target exists.
    """
    return _link(guide, anchor, get_language())


@lru_cache(maxsize=256)
def _link(guide: str, anchor: str, _language: str | None) -> SafeString:
    address = reverse("guide", args=[guide]) + (f"#{anchor}" if anchor else "")
    return format_html('<a class="help-link" href="{}">{}</a>', address, _("About this page"))
