"""Serve templates, which are written for their readers, without what only readers need.

The loader takes out the line breaks and the indentation of the project's own HTML templates once,
when a template is compiled. It works on the compiled nodes and not on the source, so that error
pages still name the right line. The rule is the one by which a browser collapses white space:

- A run of white space with a line break in it is dropped where a browser would not show it: next
  to a block-level tag, inside the tags of a button, a select or an SVG, at the end of an open tag,
  at the edges of a template and of a `{% block %}`, and beside white space that is served. Anywhere
  else it becomes one space: between words, between inline elements, between attributes.
- White space without a line break is served as it is written.
- `{% if %}`, `{% for %}` and `{% with %}` take no room themselves; the rule is applied to every
  path through them, and white space that any of the paths needs stays. `{% csrf_token %}` and tags
  that only set a variable or load a library take no room either. All other tags and
  `{{ variables }}` count as text, and what stands inside tags unknown here is left alone.
- Nothing changes in `<pre>`, `<textarea>`, `<script>` and `<style>`, in HTML comments, in
  attribute values, in `{% blocktranslate %}` and in the values of variables.

Two inline elements that must touch are therefore written on one line. An element counts by its
name alone: a block-level element that CSS shows inline would lose the space around it. An included
template and an overridden block are read by themselves, wherever they are put.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, cast

from django.template import Engine, Origin, Template
from django.template.base import Node, NodeList, TextNode
from django.template.defaulttags import (
    CommentNode,
    CsrfTokenNode,
    ForNode,
    IfNode,
    LoadNode,
    WithNode,
)
from django.template.library import SimpleBlockNode
from django.template.loader_tags import BlockNode, ExtendsNode
from django.template.loaders import app_directories, base, cached

_ELEMENTS = """
    !doctype address article aside base blockquote body br caption col colgroup dd details dialog
    div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html legend li
    link main meta nav ol optgroup option p pre section summary table tbody td tfoot th thead title
    tr ul
"""
_SHAPES = "circle defs g line path polygon polyline rect"
"""Of an SVG: white space between them is never drawn."""
BLOCK_LEVEL_ELEMENTS = frozenset([*_ELEMENTS.split(), *_SHAPES.split()])
INLINE_CONTAINERS = frozenset({"button", "select", "svg"})
"""Inline from outside, but white space at their inner edges never shows."""
BLOCK_LEVEL_TAGS = frozenset({"data_table", "definition", "notice"})
"""Our own template tags that write a block-level element around their content."""

_BLOCK_LEVEL = BLOCK_LEVEL_ELEMENTS | {f"/{element}" for element in BLOCK_LEVEL_ELEMENTS}
_EDGE_BEFORE = _BLOCK_LEVEL | {f"/{element}" for element in INLINE_CONTAINERS}
_EDGE_AFTER = _BLOCK_LEVEL | INLINE_CONTAINERS
RAW_ELEMENTS = frozenset({"pre", "script", "style", "textarea"})


class _CompilingLoader(base.Loader):
    def get_template(self, template_name: str, skip: list[Origin] | None = None) -> Template:
        template = super().get_template(template_name, skip)
        origin = template.origin
        is_own = not isinstance(origin.loader, app_directories.Loader)
        if is_own and origin.name.endswith(".html"):
            strip_white_space(template.nodelist)
        return template


class Loader(cached.Loader, _CompilingLoader):
    """Load as Django does by default, cached; the cache holds stripped templates.

    Only the templates of the project's own folders are stripped: those of other apps, and mails,
    were not written with this rule in mind.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(
            engine,
            [
                "django.template.loaders.filesystem.Loader",
                "django.template.loaders.app_directories.Loader",
            ],
        )


def strip_white_space(nodes: NodeList) -> None:
    """Take the white space that a browser would not show out of a compiled template, in place."""
    stripper = _Stripper()
    stripper.read(nodes, _Place("text"))
    stripper.scan(nodes, is_at_edge=True, follow=lambda: True)
    stripper.write(nodes)


@dataclass(slots=True)
class _Piece:
    """A part of a literal text.

    An edge is where white space does not show: a line break beside one can be dropped.
    """

    text: str
    starts_with_edge: bool = False
    ends_with_edge: bool = False
    is_break: bool = False
    is_dropped: bool = False


class _Place(NamedTuple):
    """Position in the HTML: text, tag, value, raw, comment or opaque (unknown, left alone)."""

    kind: str
    tag: str = ""
    quote: str = ""


_SPACE = " \t\r\n\f"
"""White space of HTML: others, such as no-break spaces, are text."""
_IN_TEXT = re.compile(rf"[{_SPACE}]+|<!--|</?[a-zA-Z!][^{_SPACE}>/]*|[^{_SPACE}<]+|<")
_IN_TAG = re.compile(rf"[{_SPACE}]+|>|[\"']|[^{_SPACE}>\"'/]+|/")


def _split(text: str, place: _Place) -> tuple[list[_Piece], _Place]:
    """Split a literal text that begins at `place`; returns the place of its end too."""
    pieces: list[_Piece] = []
    position = 0
    while position < len(text):
        piece, place = _next_piece(text, position, place)
        pieces.append(piece)
        position += len(piece.text)
    return pieces, place


def _next_piece(text: str, position: int, place: _Place) -> tuple[_Piece, _Place]:
    match place.kind:
        case "text":
            return _next_in_text(_part(_IN_TEXT, text, position))
        case "tag":
            return _next_in_tag(_part(_IN_TAG, text, position), place)
        case "value":
            return _up_to(text, position, place.quote, place, _Place("tag", place.tag))
        case "comment":
            return _up_to(text, position, "-->", place, _Place("text"))
        case "raw":
            return _next_in_raw(text, position, place)
        case _:
            return _Piece(text[position:]), place


def _part(pattern: re.Pattern[str], text: str, position: int) -> str:
    found = pattern.match(text, position)
    assert found is not None, "every character has its place in the pattern"
    return found.group()


def _next_in_text(part: str) -> tuple[_Piece, _Place]:
    if part == "<!--":
        return _Piece(part), _Place("comment")
    if part.startswith("<") and len(part) > 1:
        tag = part[1:].lower()
        return _Piece(part, starts_with_edge=tag in _EDGE_BEFORE), _Place("tag", tag)
    return _white_space_or_text(part), _Place("text")


def _next_in_tag(part: str, place: _Place) -> tuple[_Piece, _Place]:
    if part in ("'", '"'):
        return _Piece(part), _Place("value", place.tag, part)
    if part == ">":
        piece = _Piece(part, starts_with_edge=True, ends_with_edge=place.tag in _EDGE_AFTER)
        after = _Place("raw", place.tag) if place.tag in RAW_ELEMENTS else _Place("text")
        return piece, after
    return _white_space_or_text(part), place


def _next_in_raw(text: str, position: int, place: _Place) -> tuple[_Piece, _Place]:
    found = re.compile(rf"</{place.tag}(?=[\s>/])", re.IGNORECASE).search(text, position)
    if found is None:
        return _Piece(text[position:]), place
    return _Piece(text[position : found.end()]), _Place("tag", f"/{place.tag}")


def _up_to(
    text: str, position: int, end: str, place: _Place, after: _Place
) -> tuple[_Piece, _Place]:
    found = text.find(end, position)
    if found < 0:
        return _Piece(text[position:]), place
    return _Piece(text[position : found + len(end)]), after


def _white_space_or_text(part: str) -> _Piece:
    is_space = not part.strip(_SPACE)
    is_break = is_space and "\n" in part
    is_edge = is_space and not is_break
    return _Piece(part, is_edge, is_edge, is_break)


class _Stripper:
    """Read the literal texts of a template, then follow every path through its nodes."""

    def __init__(self) -> None:
        self._pieces: dict[TextNode, list[_Piece]] = {}

    def read(self, nodes: Sequence[Node], place: _Place) -> _Place:
        """Split the literal texts of `nodes`; returns the place after them."""
        for node in nodes:
            if isinstance(node, TextNode):
                self._pieces[node], place = _split(node.s, place)
                continue
            ends = {place} if _can_be_skipped(node) else set()
            if isinstance(node, BlockNode | ExtendsNode):
                self.read(node.nodelist, place)
            else:
                ends |= {self.read(branch, place) for branch in _branches(node)}
            # Paths that end at different places: what follows cannot be known.
            place = ends.pop() if len(ends) == 1 else _Place("opaque")
        return place

    def scan(self, nodes: Sequence[Node], is_at_edge: bool, follow: Callable[[], bool]) -> bool:
        """Decide which line breaks are dropped.

        `is_at_edge` says whether an edge comes before `nodes`, `follow` whether one comes after
        them. Returns whether they end at an edge.
        """
        for index, node in enumerate(nodes):
            ahead = partial(self._meets_edge, nodes, index + 1, follow)
            is_at_edge = self._scan_node(node, is_at_edge, ahead)
        return is_at_edge

    def _scan_node(self, node: Node, is_at_edge: bool, ahead: Callable[[], bool]) -> bool:
        if isinstance(node, TextNode):
            return self._scan_text(node, is_at_edge, ahead)
        if isinstance(node, BlockNode | ExtendsNode) or _is_block_level(node):
            for branch in _branches(node):
                self.scan(branch, is_at_edge=True, follow=lambda: True)
            return _is_block_level(node)
        if isinstance(node, ForNode):
            return self._scan_loop(node, is_at_edge, ahead)
        if _takes_no_room(node):
            ends = [self.scan(branch, is_at_edge, ahead) for branch in _branches(node)]
            return all(ends) and (is_at_edge or not _can_be_skipped(node))
        return False

    def _scan_loop(self, node: ForNode, is_at_edge: bool, ahead: Callable[[], bool]) -> bool:
        body, empty = _branches(node)

        def again_or_ahead() -> bool:
            return self._meets_edge(body, 0, ahead) and ahead()

        end = self.scan(body, is_at_edge, again_or_ahead)
        if is_at_edge and not end:
            # The second time round it does not begin at an edge.
            end = self.scan(body, False, again_or_ahead)
        return self.scan(empty, is_at_edge, ahead) and end

    def _scan_text(self, node: TextNode, is_at_edge: bool, ahead: Callable[[], bool]) -> bool:
        pieces = self._pieces[node]
        for index, piece in enumerate(pieces):
            if not piece.is_break:
                is_at_edge = piece.ends_with_edge
                continue
            rest = (one.starts_with_edge for one in pieces[index + 1 :] if not one.is_break)
            comes = next(rest, None)
            piece.is_dropped = is_at_edge or (ahead() if comes is None else comes)
            is_at_edge = True
        return is_at_edge

    def _meets_edge(self, nodes: Sequence[Node], start: int, follow: Callable[[], bool]) -> bool:
        """Return whether all paths from `nodes[start]` on meet an edge before anything shows."""
        for index, node in enumerate(nodes[start:], start):
            if isinstance(node, TextNode):
                for piece in self._pieces[node]:
                    if not piece.is_break:
                        return piece.starts_with_edge
            elif _is_block_level(node):
                return True
            elif not _takes_no_room(node):
                return False
            elif branches := list(_branches(node)):
                rest = partial(self._meets_edge, nodes, index + 1, follow)
                found = all(self._meets_edge(branch, 0, rest) for branch in branches)
                return found and (rest() if _can_be_skipped(node) else True)
        return follow()

    def write(self, nodes: NodeList) -> None:
        """Put the texts together again and take the empty ones out."""
        for node in nodes:
            if isinstance(node, TextNode):
                node.s = "".join(map(_serve_piece, self._pieces[node]))
            else:
                for branch in _branches(node):
                    self.write(branch)
        nodes[:] = [node for node in nodes if not isinstance(node, TextNode) or node.s]


def _serve_piece(piece: _Piece) -> str:
    if piece.is_break:
        return "" if piece.is_dropped else " "
    return piece.text


def _branches(node: Node) -> Iterator[NodeList]:
    """Yield the node's lists of nodes, one for each path through it."""
    if isinstance(node, IfNode):
        yield from (branch for _, branch in node.conditions_nodelists)
    elif isinstance(node, ForNode):
        yield cast(NodeList, node.nodelist_loop)
        yield cast(NodeList, node.nodelist_empty)
    elif isinstance(node, WithNode | BlockNode | ExtendsNode) or _is_block_level(node):
        yield cast(NodeList, getattr(node, "nodelist"))  # noqa: B009


def _can_be_skipped(node: Node) -> bool:
    if isinstance(node, IfNode):
        return all(condition is not None for condition, _ in node.conditions_nodelists)
    return not isinstance(node, ForNode | WithNode)


def _takes_no_room(node: Node) -> bool:
    """Return whether the node itself writes nothing: only its branches do, if it has any."""
    if isinstance(node, IfNode | ForNode | WithNode | LoadNode | CommentNode | CsrfTokenNode):
        return True
    return bool(getattr(node, "asvar", None) or getattr(node, "target_var", None))


def _is_block_level(node: Node) -> bool:
    return (
        isinstance(node, SimpleBlockNode)
        and node.token is not None
        and node.token.split_contents()[0] in BLOCK_LEVEL_TAGS
    )
