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


@pytest.mark.parametrize(
    "source",
    [
        "$5 and $6",
        "$5-$6, or US$7 and A$8",
        "from $1 to $2, at most $3.",
        r"a \$x\$ b",
        "`$x$`",
        "$ x $",
        "$$",
        "$$ $$",
        "costs 5$ or 6$ each",
    ],
)
def test_amounts_are_no_formulas(source: str) -> None:
    assert "<math" not in render_markdown(source)


def test_formulas_are_mathml_in_a_line_and_on_their_own() -> None:
    inline = render_markdown(r"The mean is $\frac{a}{b} < 1$, or $5$.")
    assert "<math" in inline
    assert "<mfrac>" in inline
    assert "<mo>&lt;</mo>" in inline
    assert "<mn>5</mn>" in inline
    assert 'display="block"' in render_markdown("$$\nx_1^2 *y* z\n$$")
    assert "<em>" not in render_markdown("$$x *y* z$$")


@pytest.mark.parametrize("source", [r"$\frac{$", r"$\left( x$", "$" + "{" * 900 + "$"])
def test_a_formula_that_cannot_be_read_stays_as_it_was_written(source: str) -> None:
    shown = render_markdown(source)
    assert "<math" not in shown
    assert source.replace("$", "") in shown


@pytest.mark.parametrize(
    "formula",
    [
        r"\text{<script>alert(1)</script>}",
        r"\text{&lt;img src=x onerror=alert(1)&gt;}",
        r"\href{javascript:alert(1)}{x}",
        r"\style{position:fixed}{x}",
        r"\class{page}{x}",
        r"\text{</math><iframe src=x>}",
        r"\color{red;background:url(x)}{y}",
    ],
)
def test_formulas_hold_neither_links_nor_styles_nor_markup(formula: str) -> None:
    for shown in (render_markdown(f"${formula}$"), render_markdown(f"$${formula}$$")):
        for tag in re.findall(r"<[^>]*>", shown):
            assert not re.match(r"<(script|img|iframe|a)\b", tag)
            assert not re.search(r"(style|href|class|onerror)=", tag)
