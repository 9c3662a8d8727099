import gzip
import re
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders

from plumbmark.web.stylesheet import JOINED_NAME, join_css, parts

CSS = Path(settings.STATICFILES_DIRS[0]) / "css"


def test_the_joined_stylesheet_is_found_and_holds_every_part() -> None:
    found = finders.find(JOINED_NAME)

    assert isinstance(found, str)
    joined = Path(found).read_text(encoding="utf-8")
    assert joined.startswith("@layer reset, tokens, base, components, pages;")
    assert set(parts(CSS)) == set(CSS.rglob("*.css"))
    for part in parts(CSS):
        assert part.read_text(encoding="utf-8").split("url(", 1)[0] in joined


def test_what_the_stylesheet_points_to_is_found_from_its_parts_and_from_the_joined_file() -> None:
    pointed = re.compile(r'url\("([^"]+)"\)')
    joined = pointed.findall(join_css(CSS))

    assert joined
    assert all((CSS / target).resolve().is_file() for target in joined)
    for part in parts(CSS):
        for target in pointed.findall(part.read_text(encoding="utf-8")):
            assert (part.parent / target).resolve().is_file()


def test_the_stylesheet_keeps_its_budget() -> None:
    assert len(gzip.compress(join_css(CSS).encode())) <= 25_000


def test_ordinary_pages_keep_the_budget_of_scripts() -> None:
    static = Path(settings.STATICFILES_DIRS[0])
    scripts = [*(static / "js").glob("*.js"), *(static / "vendor").glob("htmx-*/*.js")]

    assert sum(len(gzip.compress(path.read_bytes())) for path in scripts) <= 20_000


def test_colours_are_named_in_the_tokens_only() -> None:
    colour = re.compile(r"#[0-9a-fA-F]{3,8}\b")

    found = [
        path.name
        for path in (CSS / "components").glob("*.css")
        if colour.search(path.read_text(encoding="utf-8"))
    ]

    assert found == []
