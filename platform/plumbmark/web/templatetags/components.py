"""Components that need more than an include: blocks around content, geometry, sort links.

Everything that is only markup is an include in `templates/components/`.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django import template
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from plumbmark.web.markdown import render_markdown

register = template.Library()

# --- Blocks around content ----------------------------------------------------------------------


@register.simple_block_tag(end_name="enddata_table")
def data_table(content: str, caption: str, id: str) -> SafeString:
    """Wrap a table in a labelled, focusable region that scrolls on its own.

    `{% data_table "Entries" id="entries" %}<thead>…</thead><tbody>…</tbody>{% enddata_table %}`
    """
    return format_html(
        '<div class="table-region" role="region" aria-labelledby="{id}-caption" tabindex="0">'
        '<table class="data-table" id="{id}">'
        '<caption id="{id}-caption"><span>{caption}</span></caption>'
        "{content}</table></div>",
        id=id,
        caption=caption,
        content=content,
    )


@register.simple_block_tag(end_name="endnotice")
def notice(content: str, title: str = "", state: str = "info") -> SafeString:
    """Render a notice in the page; `state` is info, good, warning or bad."""
    heading = format_html('<p class="notice__title">{}</p>', title) if title else ""
    return format_html('<div class="notice" data-state="{}">{}{}</div>', state, heading, content)


@register.simple_block_tag(end_name="enddefinition")
def definition(content: str, title: str, open: bool = False) -> SafeString:
    """Render a titled block that folds."""
    return format_html(
        '<details class="definition"{}><summary>{}</summary>'
        '<div class="definition__body">{}</div></details>',
        SafeString(" open") if open else "",
        title,
        content,
    )


@register.filter
def markdown(text: str, top_heading: int = 3) -> SafeString:
    """Render Markdown as safe HTML for a `.prose` element: `{{ text|markdown }}`."""
    return render_markdown(text or "", top_heading=top_heading)


@register.filter
def code_words(text: str) -> SafeString:
    """Return a text as HTML in which what stands between backticks is code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return format_html("{}", text)
    code = (format_html("<code>{}</code>", one) if n % 2 else one for n, one in enumerate(parts))
    return format_html_join("", "{}", ((one,) for one in code))


@register.filter
def words(code: str) -> str:
    """Format a code such as `length_limit` as words: `{{ outcome|words }}`."""
    return str(code).replace("_", " ")


# --- Links that change the query ------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: Any) -> str:
    """Return the page's own query string with `changes` applied; None or "" removes a parameter."""
    # A copy of the `QueryDict` is a deep one, which takes longer than the whole link.
    query = dict(context["request"].GET.lists())
    for name, value in changes.items():
        if value in (None, ""):
            query.pop(name, None)
        else:
            query[name] = [str(value)]
    return f"?{urlencode(query, doseq=True)}"


@register.simple_tag(takes_context=True)
def sort_header(
    context: template.Context,
    label: str,
    key: str,
    *,
    default: str = "",
    numeric: bool = False,
    first: str = "",
    css: str = "",
) -> SafeString:
    """Render a column head that sorts by link: `?sort=key` ascending, `?sort=-key` descending.

    `default` is the sort of the page without the parameter; `first` is the direction of the first
    click, `descending` for numbers unless given. Only the sorted column has `aria-sort`.
    """
    current = context["request"].GET.get("sort", default)
    downwards = f"-{key}"
    if current == key:
        target, sorted_as = downwards, "ascending"
    elif current == downwards:
        target, sorted_as = key, "descending"
    else:
        starts_down = (first or ("descending" if numeric else "ascending")) == "descending"
        target, sorted_as = (downwards if starts_down else key), ""
    classes = " ".join(filter(None, ("is-number" if numeric else "", css)))
    return format_html(
        '<th scope="col"{}{}><a href="{}">{}{}</a></th>',
        format_html(' class="{}"', classes) if classes else "",
        SafeString(f' aria-sort="{sorted_as}"' if sorted_as else ""),
        with_query(context, sort=target, cursor=None, page=None),
        label,
        _SORT_MARKS.get(sorted_as, ""),
    )


_SORT_MARKS = {
    sorted_as: SafeString(
        '<svg class="sort-mark" viewBox="0 0 8 8" aria-hidden="true" focusable="false">'
        f'<path fill="currentColor" d="{path}"/></svg>'
    )
    for sorted_as, path in (("ascending", "M4 1 7.5 7h-7z"), ("descending", "M4 7 .5 1h7z"))
}


# --- Geometry -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IntervalGeometry:
    """Positions in the bar's own units, 0 to 100."""

    low: str
    high: str
    estimate: str
    reference: str


def _place(value: float, minimum: float, maximum: float) -> float:
    share = (value - minimum) / (maximum - minimum) if maximum > minimum else 0.0
    return 1 + 98 * min(1.0, max(0.0, share))


@register.inclusion_tag("components/interval_bar.html")
def interval_bar(
    estimate: float,
    low: float,
    high: float,
    minimum: float = 0.0,
    maximum: float = 1.0,
    reference: float | None = None,
) -> dict[str, Any]:
    """Draw a 95 % interval as a small bar on the scale `minimum` to `maximum`.

    It is decoration (hidden from assistive technology): the numbers are beside it as text.
    """
    # Two points that fall together would leave no visible range.
    left, right = _place(low, minimum, maximum), _place(high, minimum, maximum)
    if right - left < 1:
        left, right = left - 0.5, right + 0.5
    return {
        "bar": IntervalGeometry(
            low=f"{left:.2f}",
            high=f"{right:.2f}",
            estimate=f"{_place(estimate, minimum, maximum):.2f}",
            reference="" if reference is None else f"{_place(reference, minimum, maximum):.2f}",
        )
    }


@register.inclusion_tag("components/progress.html")
def progress(
    label: str,
    done: int,
    total: int,
    failed: int = 0,
    note: str = "",
    state: str = "",
    id: str = "",
) -> dict[str, Any]:
    """Show progress: `done` of `total`, of which `failed` did not succeed."""
    share = done / total if total else 0.0
    failed_share = failed / total if total else 0.0
    return {
        "label": label,
        "done": done,
        "total": total,
        "failed": failed,
        "done_width": f"{200 * min(1.0, share):.2f}",
        "failed_width": f"{200 * min(1.0, failed_share):.2f}",
        "note": note,
        "state": state,
        "id": id,
    }


@register.simple_tag
def avatar(handle: str, size: int = 24, label: str = "") -> SafeString:
    """Draw a picture from the handle: the same on every page, without a request.

    It is decoration beside the name unless `label` is given.
    """
    return _avatar(handle, size, str(label))


@lru_cache(maxsize=1024)
def _avatar(handle: str, size: int, label: str) -> SafeString:
    return SafeString(
        render_to_string("components/avatar.html", _avatar_context(handle, size, label))
    )


def _avatar_context(handle: str, size: int, label: str) -> dict[str, Any]:
    digest = hashlib.sha256(handle.encode()).digest()
    path = ""
    for row in range(5):
        left = [bool(digest[row * 3 + column] & 1) for column in range(3)]
        column = 1
        for is_drawn, cells in groupby([*left, left[1], left[0]]):
            length = len(list(cells))
            if is_drawn:
                path += f"M{column} {row + 1}h{length}v1h-{length}z"
            column += length
    return {
        "path": path or "M3 3h1v1h-1z",
        "colour": digest[31] % 5 + 1,
        "size": size,
        "label": label,
    }


@register.filter
def state_tone(state: str) -> str:
    """Return the tone of a state, for `data-state` of badges: good, bad, warning, active,
    waiting.
    """
    return _TONES.get(state, "")


_TONES = {
    **dict.fromkeys(("completed", "published", "verified", "scored", "active-key"), "good"),
    **dict.fromkeys(("failed", "invalid", "revoked", "withheld"), "bad"),
    **dict.fromkeys(("paused", "incomplete", "expired", "unscored"), "warning"),
    **dict.fromkeys(("running", "scoring", "pausing"), "active"),
    **dict.fromkeys(("queued", "declared", "pending"), "waiting"),
}
