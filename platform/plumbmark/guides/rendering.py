"""A guide as HTML, with the anchors of its headings and the text of its sections."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString
from markdown_it.token import Token

from plumbmark.guides.library import Guide, Library
from plumbmark.web.markdown import OF_GUIDES

_SIGNS = re.compile(r"[^\w\- ]")
_MAX_SUMMARY = 200


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with the text below it, up to the next heading of any level."""

    level: int
    """Of the heading, 2 to 6; 1 of the text before the first one."""
    anchor: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class RenderedGuide:
    """A guide's HTML without its title, and its sections in order."""

    html: SafeString
    sections: Sequence[Section]

    @property
    def summary(self) -> str:
        """The beginning of the text before the first heading, in whole sentences if possible."""
        text = self.sections[0].text
        sentence = re.match(r".+?[.:](?= |$)", text)
        return sentence.group().replace(":", ".") if sentence else text[:_MAX_SUMMARY]


def anchor_of(title: str) -> str:
    """Return the anchor of a heading as GitHub makes it: lower case, signs left out, hyphens for
    spaces. The second heading with the same anchor gets `-1` there, the third `-2`.
    """
    return _SIGNS.sub("", title.strip().lower()).replace(" ", "-")


class _Addresses:
    """Addresses of the links and images of one guide."""

    def __init__(self, guide: Guide, library: Library) -> None:
        self._folder = posixpath.dirname(guide.name)
        self._library = library

    def link(self, target: str) -> str | None:
        """Return the address on this site; None if it leads to nothing here."""
        if "://" in target or target.startswith(("mailto:", "#", "/")):
            return target
        path, _, anchor = target.partition("#")
        name = self._name(path)
        if name in self._library.files:
            return reverse("guide_file", args=[name])
        found = self._library.guides.get(name.removesuffix(".md"))
        if found is None or not name.endswith(".md"):
            return None
        return found.get_absolute_url() + (f"#{anchor}" if anchor else "")

    def image(self, source: str) -> str | None:
        """Return the address of a picture in `docs/images`; None for all others."""
        folder, name = posixpath.split(self._name(source))
        if folder != "images" or not finders.find(f"guides/{name}"):
            return None
        try:
            return static(f"guides/{name}")
        except ValueError:  # not among the files that were collected
            return None

    def _name(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self._folder, path))


@lru_cache(maxsize=256)
def render_guide(guide: Guide, library: Library) -> RenderedGuide:
    """Return the guide rendered; kept until the files change, which makes another library."""
    addresses = _Addresses(guide, library)
    tokens = OF_GUIDES.parse(guide.text, top_heading=1)
    anchors: dict[str, int] = {}
    sections: list[tuple[int, str, str, list[str]]] = [(1, "", guide.title, [])]
    is_heading = False
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            title = _text_of(tokens[place + 1])
            anchor = _count(anchors, anchor_of(title))
            token.attrs["id"] = anchor
            sections.append((int(token.tag[1]), anchor, title, []))
        is_heading = token.type == "heading_open" or (is_heading and token.type == "inline")
        if token.type == "inline":
            if not is_heading:
                sections[-1][3].append(_text_of(token))
            token.children = _resolve(token.children or [], addresses)
        elif token.type in {"fence", "code_block"}:
            sections[-1][3].append(token.content)
    return RenderedGuide(
        OF_GUIDES.write(tokens),
        [
            Section(level, anchor, title, " ".join(" ".join(texts).split()))
            for level, anchor, title, texts in sections
        ],
    )


def _count(anchors: dict[str, int], anchor: str) -> str:
    number = anchors[anchor] = anchors.get(anchor, -1) + 1
    return f"{anchor}-{number}" if number else anchor


def _text_of(inline: Token) -> str:
    return "".join(
        " " if one.type in {"softbreak", "hardbreak"} else one.content
        for one in inline.children or []
        if one.type != "image"
    )


def _resolve(tokens: Sequence[Token], addresses: _Addresses) -> list[Token]:
    """Return the tokens with addresses of this site; a link that leads nowhere is only text."""
    kept = []
    is_linked = True
    for token in tokens:
        if token.type == "link_open":
            address = addresses.link(str(token.attrs["href"]))
            is_linked = address is not None
            if address is None:
                continue
            token.attrs["href"] = address
        elif token.type == "link_close" and not is_linked:
            continue
        elif token.type == "image":
            source = addresses.image(str(token.attrs["src"]))
            if source is None:
                continue
            token.attrs["src"] = source
        kept.append(token)
    return kept
