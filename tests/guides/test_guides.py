"""The guides: rendered from their Markdown, linked with each other, found by their sections."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks

from plumbmark.guides.library import read_library
from plumbmark.guides.rendering import anchor_of, render_guide
from plumbmark.guides.topics import help_topics, topic_named

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
NO_HELP = {
    "templates/base.html",
    "templates/error.html",
    "templates/gallery.html",
    "templates/tasks_app/authoring/editor_base.html",
}
"""Pages without a passage: no page of their own, or help themselves."""
_HELP = re.compile(r'{% help "([^"]+)"(?: "([^"]+)")? %}')


@pytest.fixture
def guides(settings: Any, tmp_path: Path) -> Callable[..., Any]:
    """Return a folder of guides; called with texts by name, it returns the library."""
    settings.GUIDES_DIR = tmp_path

    def write(**texts: str) -> Any:
        for name, text in texts.items():
            file = tmp_path / f"{name.replace('__', '/')}.md"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        return read_library()

    return write


class _Anchors(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            if tag == "a" and name == "href":
                self.links.append(value or "")


# From GitHub's own pages: a heading of a README, and the address of its link.
@pytest.mark.parametrize(
    ("title", "anchor"),
    [
        ("What the numbers mean", "what-the-numbers-mean"),
        ("A spent limit: 402", "a-spent-limit-402"),
        ("Is it alive, and is it ready?", "is-it-alive-and-is-it-ready"),
        ("Kaggle's benchmark SDK", "kaggles-benchmark-sdk"),
        ("How to read κ", "how-to-read-κ"),
        ("`manage.py up` & friends", "managepy-up--friends"),
        ("snake_case and - dashes", "snake_case-and---dashes"),
    ],
)
def test_anchors_are_those_of_github(title: str, anchor: str) -> None:
    assert anchor_of(title) == anchor


def test_headings_of_one_guide_have_different_anchors(guides: Callable[..., Any]) -> None:
    library = guides(a="# A\n\n## Rules\n\n### `Rules`\n\n## Rules\n")
    rendered = render_guide(library.guides["a"], library)

    assert [one.anchor for one in rendered.sections] == ["", "rules", "rules-1", "rules-2"]
    assert '<h3 id="rules-1"><code>Rules</code></h3>' in rendered.html


def test_links_between_guides_become_addresses_of_the_site(guides: Callable[..., Any]) -> None:
    library = guides(
        readers__a="# A\n\n[b](../b.md#x) [self](a.md) [out](https://example.org/) "
        "[none](../../secret.md) [gone](no.md#y) [here](#z) [bad](javascript:alert(1))",
        b="# B",
    )
    html = render_guide(library.guides["readers/a"], library).html

    assert 'href="/help/b/#x"' in html
    assert 'href="/help/readers/a/"' in html
    assert 'href="https://example.org/"' in html
    assert 'href="#z"' in html
    assert html.count("<a ") == 4
    assert "none gone" in html


def test_html_in_a_guide_is_text(guides: Callable[..., Any]) -> None:
    library = guides(a="# A\n\n<script>alert(1)</script> ![x](https://evil.example/p.png)")
    html = render_guide(library.guides["a"], library).html

    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<img" not in html


def test_pictures_are_served_as_static_files() -> None:
    library = read_library()
    htmls = [render_guide(one, library).html for one in library.guides.values()]
    with_pictures = [html for html in htmls if "<img" in html]

    assert with_pictures
    assert 'src="/static/guides/' in with_pictures[0]


def test_a_changed_guide_is_read_anew_and_others_are_not(guides: Callable[..., Any]) -> None:
    first = guides(a="# A\n\nOld.")
    assert read_library() is first
    second = guides(a="# A\n\nNew text.")

    assert second is not first
    assert "New text." in render_guide(second.guides["a"], second).html
    assert first.fingerprint != second.fingerprint


def test_a_guide_s_sections_are_topics_with_their_own_text(guides: Callable[..., Any]) -> None:
    guides(readers__a="# A\n\nIntro.\n\n## One\n\nFirst *part*.\n\n    code\n\n## Two\n\nSecond.\n")

    assert [(one.name, one.title, one.text) for one in help_topics()] == [
        ("readers/a", "A", "Intro."),
        ("readers/a#one", "A: One", "First part. code"),
        ("readers/a#two", "A: Two", "Second."),
    ]
    topic = topic_named("readers/a#two")
    assert topic is not None
    assert topic.get_absolute_url() == "/help/readers/a/#two"
    assert topic_named("readers/a#gone") is None
    assert topic_named("gone") is None


def test_an_installation_without_guides_is_told_so(guides: Callable[..., Any], client: Any) -> None:
    guides()

    assert any(one.id == "guides.W001" for one in run_checks())
    assert "There are no guides here" in client.get("/help/").content.decode()


@pytest.mark.django_db
def test_all_guides_are_pages_and_need_no_query(
    client: Any, django_assert_num_queries: Any
) -> None:
    library = read_library()
    assert len(library.guides) == len(list((ROOT / "docs").glob("**/*.md")))
    with django_assert_num_queries(0):
        listed = client.get("/help/").content.decode()
        for guide in library.guides.values():
            page = client.get(guide.get_absolute_url())
            assert page.status_code == 200
            assert f'href="{guide.get_absolute_url()}"' in listed


def test_every_link_of_every_guide_leads_to_a_page_and_a_passage() -> None:
    library = read_library()
    anchors = {}
    for guide in library.guides.values():
        anchors[guide.get_absolute_url()] = _Anchors(render_guide(guide, library).html)
    for address, page in anchors.items():
        for link in page.links:
            path, _, anchor = link.partition("#")
            if path.startswith("/help/") and not path.endswith((".yml", ".json")):
                assert path in anchors, f"{address}: {link}"
            if anchor and not path.startswith("http"):
                assert anchor in anchors[path or address].ids, f"{address}: {link}"


def test_a_page_cached_for_strangers_answers_304(client: Any) -> None:
    first = client.get("/help/readers/boards/")
    second = client.get("/help/readers/boards/", headers={"If-None-Match": first["ETag"]})

    assert second.status_code == 304


@pytest.mark.django_db
def test_files_of_guides_are_served_and_no_others(client: Any) -> None:
    served = client.get("/help/operators/alerts.yml")

    assert served.status_code == 200
    assert served.content == (ROOT / "docs/operators/alerts.yml").read_bytes()
    for path in ("/help/operators/none.yml", "/help/readers/none.json", "/help/none/"):
        assert client.get(path).status_code == 404


def _pages() -> list[Path]:
    found = []
    for file in sorted(TEMPLATES.rglob("*.html")):
        text = file.read_text()
        name = str(file.relative_to(ROOT))
        is_page = '{% extends "base.html" %}' in text
        own_help = name.startswith("templates/guides/")
        entrance = name.startswith(("templates/account/", "templates/allauth/"))
        if is_page and not entrance and not own_help and name not in NO_HELP:
            found.append(file)
    return found


@pytest.mark.parametrize("page", _pages(), ids=lambda page: str(page.relative_to(TEMPLATES)))
def test_every_page_has_a_link_to_a_passage(page: Path) -> None:
    assert _HELP.search(page.read_text()), "{% help %} is missing"


def test_every_passage_to_which_a_page_leads_is_there() -> None:
    library = read_library()
    found = 0
    for file in TEMPLATES.rglob("*.html"):
        for name, anchor in _HELP.findall(file.read_text()):
            found += 1
            assert name in library.guides, f"{file}: {name}"
            anchors = {one.anchor for one in render_guide(library.guides[name], library).sections}
            assert anchor in anchors, f"{file}: {name}#{anchor}"
    assert found >= 50


def test_guides_are_in_the_image_and_in_the_package() -> None:
    assert "COPY docs docs" in (ROOT / "Dockerfile").read_text()
    assert "docs" not in (ROOT / ".dockerignore").read_text().split()
    packaging = (ROOT / "pyproject.toml").read_text()
    assert '"docs" = "plumbmark/config/_guides"' in packaging
    assert settings.GUIDES_DIR == ROOT / "docs"
