from typing import Any

import pytest
from django.template import Context, Template
from django.test import RequestFactory


def rendered(source: str, query: str = "", **context: Any) -> str:
    request = RequestFactory().get(f"/?{query}")
    return Template("{% load components %}" + source).render(
        Context({"request": request, **context})
    )


@pytest.mark.parametrize(
    ("query", "link", "sorted_as"),
    [
        ("", "?sort=-score", None),
        ("sort=-score", "?sort=score", "descending"),
        ("sort=score", "?sort=-score", "ascending"),
        ("maker=x&cursor=abc&sort=name", "sort=-score", None),
    ],
)
def test_a_head_sorts_by_link_and_only_the_sorted_one_says_so(
    query: str, link: str, sorted_as: str | None
) -> None:
    head = rendered('{% sort_header "Score" "score" numeric=True %}', query)

    assert link in head
    assert "cursor" not in head
    assert ("aria-sort" in head) is (sorted_as is not None)
    assert sorted_as is None or f'aria-sort="{sorted_as}"' in head


def test_a_table_is_a_labelled_region_that_takes_focus() -> None:
    table = rendered(
        '{% data_table caption id="t" %}<tbody></tbody>{% enddata_table %}', caption="<x>"
    )

    assert 'role="region" aria-labelledby="t-caption" tabindex="0"' in table
    assert '<caption id="t-caption"><span>&lt;x&gt;</span></caption><tbody>' in table


def test_the_interval_bar_keeps_inside_its_scale() -> None:
    bar = rendered("{% interval_bar 1.4 -3 2 0 1 %}")

    assert "M1.00 8H99.00" in bar
    assert "M99.00 3V13" in bar


def test_an_interval_without_width_still_shows() -> None:
    assert "M49.50 8H50.50" in rendered("{% interval_bar 0.5 0.5 0.5 %}")


def test_an_avatar_is_the_same_each_time_and_differs_between_people() -> None:
    assert rendered('{% avatar "ada" %}') == rendered('{% avatar "ada" %}')
    assert rendered('{% avatar "ada" %}') != rendered('{% avatar "grace" %}')


def test_progress_of_nothing_is_no_division_by_zero() -> None:
    assert 'aria-valuemax="0"' in rendered('{% progress "Samples" 0 0 %}')


def test_text_in_components_is_escaped() -> None:
    page = rendered(
        '{% include "components/badge.html" with label=bad %}'
        '{% include "components/code_block.html" with text=bad id="c" %}'
        '{% include "components/message.html" with role="user" text=bad %}'
        "{% notice title=bad %}{{ bad }}{% endnotice %}",
        bad="<script>alert(1)</script>",
    )

    assert "<script>" not in page
    assert page.count("&lt;script&gt;") >= 5
