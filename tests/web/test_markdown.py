import re

import pytest

from plumbmark.web.markdown import render_markdown


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        '[x](https://e.org "onmouseover=alert(1)")<b onclick=x>',
        "![x](https://tracker.example/p.png)",
        "<a href='//e.org' style='position:fixed'>x</a>",
        "| a |\n|---:|\n| <iframe src=x> |",
    ],
)
def test_nothing_that_acts_gets_through(source: str) -> None:
    tags = re.findall(r"<[^>]*>", render_markdown(source))

    for tag in tags:
        assert not re.match(r"<(script|img|iframe|b)\b", tag)
        assert not re.search(r"style=|\son\w+=|href=\"(javascript|data)", tag)


def test_headings_start_below_the_page_s_own() -> None:
    assert "<h3>" in render_markdown("# Title")
    assert "<h6>" in render_markdown("###### Deep")
    assert "<h2>" in render_markdown("# Title", top_heading=2)


def test_links_are_marked_as_not_ours() -> None:
    assert 'rel="nofollow ugc noopener"' in render_markdown("[x](https://example.org)")


def test_alignment_of_tables_is_a_class() -> None:
    html = render_markdown("| a | b |\n|---|--:|\n| 1 | 2 |")

    assert '<td class="align-right">2</td>' in html


def test_deep_nesting_and_long_texts_end_in_good_time() -> None:
    assert render_markdown("> " * 5_000 + "x")
    assert len(render_markdown("a" * 1_000_000)) < 250_000
