"""Markdown that people wrote, as safe HTML.

Raw HTML in the source is shown as text; the rendered HTML is sanitised once more. Images are left
out, because a picture from elsewhere reveals to its host who reads the page. Headings start below
the page's own.
"""

from collections.abc import Sequence
from typing import Any

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

_TAGS = {
    "a", "blockquote", "br", "code", "del", "div", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li",
    "ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "ol": {"start"},
    "pre": {"tabindex", "role", "aria-label"},
    "div": {"class", "tabindex", "role", "aria-label"},
    "td": {"class"},
    "th": {"class"},
}
_ALIGNMENTS = {
    "text-align:right": "align-right",
    "text-align:center": "align-center",
    "text-align:left": "align-left",
}
_MAX_LENGTH = 200_000
"""Characters rendered at most; what is longer is cut, so that no page hangs on a text."""


class _Renderer(RendererHTML):
    """Adds what scrolling regions need to be reached by keyboard, and no style attributes."""

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return (
            '<pre tabindex="0" role="region" aria-label="Code"><code>'
            f"{escape(tokens[idx].content)}</code></pre>\n"
        )

    code_block = fence

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return '<div class="prose__table" tabindex="0" role="region" aria-label="Table"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return "</table></div>\n"


_parser = (
    MarkdownIt(
        "commonmark", {"html": False, "linkify": False, "maxNesting": 20}, renderer_cls=_Renderer
    )
    .enable(["table", "strikethrough"])
    .disable(["image"])
)


def render_markdown(text: str, *, top_heading: int = 3) -> SafeString:
    """Return `text` as HTML whose highest heading is h`top_heading` (2 to 6)."""
    tokens = _parser.parse(text[:_MAX_LENGTH])
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + top_heading - 1)}"
        elif token.type in {"td_open", "th_open"}:
            alignment = _ALIGNMENTS.get(str(token.attrs.pop("style", "")))
            if alignment:
                token.attrs["class"] = alignment
    html = _parser.renderer.render(tokens, _parser.options, {})
    cleaned = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow ugc noopener",
    )
    return mark_safe(cleaned)  # noqa: S308 - cleaned on the line above
