"""Templates: substitution and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.templates import (
    BadTemplate,
    parse_template,
    unknown_column_message,
)


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("{a} and {b}", {"a": "1", "b": "2"}, "1 and 2"),
        ("{ a }", {"a": "x"}, "x"),
        ("{{a}} {a}", {"a": "x"}, "{a} x"),
        ('{{"k": "{a}"}}', {"a": "x"}, '{"k": "x"}'),
        ("{{{a}}}", {"a": "x"}, "{x}"),
        ("{a}", {"a": "{b} {{"}, "{b} {{"),
        ("{a.__class__}", {"a.__class__": "just a name"}, "just a name"),
        ("{a!r:>{{}", None, None),
        ("", {}, ""),
    ],
)
def test_rendering(template: str, values: dict[str, str] | None, text: str | None) -> None:
    if values is None:
        with pytest.raises(BadTemplate):
            parse_template(template)
    else:
        assert parse_template(template).fill(values) == text


@pytest.mark.parametrize(
    ("template", "offset"), [("{a", 0), ("x\n}", 2), ("{}", 0), ("{ }", 0), ("a\nb {c {d}", 4)]
)
def test_a_brace_on_its_own_is_an_error_with_its_place(template: str, offset: int) -> None:
    with pytest.raises(BadTemplate) as raised:
        parse_template(template)

    assert raised.value.offset == offset


def test_an_unknown_column_is_named_with_the_nearest_and_the_known_ones() -> None:
    assert unknown_column_message("qestion", ["question", "answer"]) == (
        "the data has no column 'qestion'; did you mean 'question'? Its columns are: "
        "answer, question"
    )
    assert unknown_column_message("zzz", ["question", "answer"]) == (
        "the data has no column 'zzz'. Its columns are: answer, question"
    )


@given(st.text() | st.text("{}a\n"))
def test_a_text_with_doubled_braces_renders_as_itself(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")

    assert parse_template(doubled).fill({}) == text
    assert parse_template(doubled).columns == ()


@given(st.text() | st.text("{}"), st.text() | st.text("{}"))
def test_values_are_never_read_as_templates(before: str, value: str) -> None:
    escaped = before.replace("{", "{{").replace("}", "}}")

    assert parse_template(f"{escaped} {{a}}").fill({"a": value}) == f"{before} {value}"


@given(st.text("{}ab\n "))
def test_any_text_is_a_template_or_refused_with_a_place(text: str) -> None:
    try:
        template = parse_template(text)
    except BadTemplate as error:
        assert text[error.offset] in "{}"  # noqa: PT017 - either outcome is fine
    else:
        assert len(template.parts) % 2 == 1
