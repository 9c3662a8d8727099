import re
from pathlib import Path
from typing import Any

import pytest
from django.template import Context, Engine, VariableDoesNotExist
from django.template.loader import get_template
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.web.template_loader import BLOCK_LEVEL_ELEMENTS, BLOCK_LEVEL_TAGS, strip_white_space

LIBRARIES = {
    "components": "plumbmark.web.templatetags.components",
    "i18n": "django.templatetags.i18n",
}
ENGINE = Engine(libraries=LIBRARIES, builtins=[*LIBRARIES.values()])


def stripped(source: str, **context: Any) -> str:
    template = ENGINE.from_string(source)
    strip_white_space(template.nodelist)
    return template.render(Context(context))


# --- Line breaks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "served"),
    [
        ("<ul>\n  <li>\n    One\n  </li>\n</ul>\n", "<ul><li>One</li></ul>"),
        ("\n\n<p>\n\tOne\r\n</p>\n", "<p>One</p>"),
        ("<p>two\n   words</p>", "<p>two words</p>"),
        ("<p>one<br>\n  two</p>", "<p>one<br>two</p>"),
        ("text\n<div>\n</div>\ntext", "text<div></div>text"),
        ("<DIV>\n<P>\nOne\n</P>\n</DIV>", "<DIV><P>One</P></DIV>"),
        ("<!doctype html>\n<html>\n<head>\n</head>", "<!doctype html><html><head></head>"),
    ],
)
def test_line_breaks_beside_block_level_elements_go(source: str, served: str) -> None:
    assert stripped(source) == served


@pytest.mark.parametrize(
    ("source", "served"),
    [
        ("<p>\n  Read\n  <a>this</a>\n  first.\n</p>", "<p>Read <a>this</a> first.</p>"),
        ("<p><b>one</b>\n<i>two</i></p>", "<p><b>one</b> <i>two</i></p>"),
        ("<p><b></b>\n<i></i></p>", "<p><b></b> <i></i></p>"),
        ("<p>one\n<img>\ntwo</p>", "<p>one <img> two</p>"),
        ("<local-time>a</local-time>\nb", "<local-time>a</local-time> b"),
        ("a\n<script></script>\nb", "a <script></script> b"),
        ("a\n< b", "a < b"),
    ],
)
def test_line_breaks_among_words_and_inline_elements_become_a_space(
    source: str, served: str
) -> None:
    assert stripped(source) == served


def test_elements_that_touch_still_touch() -> None:
    assert stripped("<p>\n<b>one</b><i>two</i>{{ x }}\n</p>", x="three") == (
        "<p><b>one</b><i>two</i>three</p>"
    )


def test_spaces_without_a_line_break_are_served_as_written() -> None:
    source = "<p> one  two <b> x </b> </p> <p>\tthree</p>"

    assert stripped(source) == source


def test_a_no_break_space_is_text() -> None:
    assert stripped("<p>\n\u00a0\n<b>x</b></p>") == "<p>\u00a0 <b>x</b></p>"


def test_a_button_is_inline_with_edges_inside() -> None:
    source = "a\n<button>\n  <b>x</b>\n  y\n</button>\nb"

    assert stripped(source) == "a <button><b>x</b> y</button> b"


def test_shapes_are_drawn_without_white_space() -> None:
    source = 'a\n<svg>\n<path d="M0 0"/>\n<rect/>\n</svg>\nb'

    assert stripped(source) == 'a <svg><path d="M0 0"/><rect/></svg> b'


# --- Variables and tags ---------------------------------------------------------------------------


def test_a_variable_counts_as_text() -> None:
    source = "<p>\n  {{ a }}\n  is\n  {{ b }}\n  <b>{{ a }}</b>\n  {{ b }}\n</p>"

    assert stripped(source, a="1", b="2") == "<p>1 is 2 <b>1</b> 2</p>"


def test_the_value_of_a_variable_is_left_alone() -> None:
    assert stripped("<p>\n{{ a }}\n</p>", a="  one\n\n  two ") == "<p>  one\n\n  two </p>"


CONDITION = """
<p>
  One
  {% if a %}
    <b>two</b>
  {% elif b %}
    three
  {% endif %}
  four
</p>
"""


@pytest.mark.parametrize(
    ("context", "served"),
    [
        ({"a": True}, "<p>One <b>two</b> four</p>"),
        ({"b": True}, "<p>One three four</p>"),
        ({}, "<p>One four</p>"),
    ],
)
def test_words_keep_one_space_on_every_path_through_conditions(
    context: dict[str, bool], served: str
) -> None:
    # A browser shows runs of spaces as one, so only their absence would be wrong.
    assert " ".join(stripped(CONDITION, **context).split()) == served


@pytest.mark.parametrize("is_set", [True, False])
def test_conditions_take_no_room_beside_edges(is_set: bool) -> None:
    source = """
<dl>
  {% if a %}
    <dt>
      {% if a %}
        <b>one</b>
      {% else %}
        {{ a }}
      {% endif %}
    </dt>
  {% else %}
    <dd>two</dd>
  {% endif %}
</dl>
"""
    served = "<dt><b>one</b></dt>" if is_set else "<dd>two</dd>"

    assert stripped(source, a=is_set) == f"<dl>{served}</dl>"


def test_a_space_that_only_one_path_needs_stays() -> None:
    source = "one\n{% if a %}\n<div>two</div>\n{% endif %}\nthree"

    assert stripped(source, a=False) == "one three"
    assert stripped(source, a=True) == "one <div>two</div>three"


def test_a_space_stays_after_an_edge_that_may_be_left_out() -> None:
    source = "one{% if a %}<br>{% endif %}\ntwo"

    assert stripped(source, a=False) == "one two"


def test_a_loop_of_inline_elements_has_a_space_between_two() -> None:
    source = "<nav>\n{% for x in xs %}\n<a>{{ x }}</a>\n{% endfor %}\n</nav>"

    assert stripped(source, xs="abc") == "<nav><a>a</a> <a>b</a> <a>c</a> </nav>"
    assert stripped(source, xs="") == "<nav></nav>"


def test_a_space_that_only_the_second_round_of_a_loop_needs_stays() -> None:
    source = "<nav>\n{% for x in xs %}\n<a>{{ x }}</a>{% endfor %}\n</nav>"

    assert stripped(source, xs="ab") == "<nav> <a>a</a> <a>b</a></nav>"


def test_a_loop_of_inline_elements_that_touch_has_none() -> None:
    source = "<nav>\n{% for x in xs %}<a>{{ x }}</a>{% endfor %}\n</nav>"

    assert stripped(source, xs="abc") == "<nav><a>a</a><a>b</a><a>c</a></nav>"


def test_a_loop_of_block_level_elements_has_no_white_space() -> None:
    source = """
<ul>
  {% for x in xs %}
    <li>{{ x }}</li>
  {% empty %}
    <li>none</li>
  {% endfor %}
</ul>
"""
    assert stripped(source, xs="ab") == "<ul><li>a</li><li>b</li></ul>"
    assert stripped(source, xs="") == "<ul><li>none</li></ul>"


def test_a_loop_that_follows_text_keeps_the_space_before_it() -> None:
    source = "<p>one\n{% for x in xs %}\n{{ x }}\n{% endfor %}\n</p>"

    assert stripped(source, xs="ab") == "<p>one a b </p>"


def test_tags_that_only_set_a_variable_or_send_a_token_take_no_room() -> None:
    source = """
<form>
  {% csrf_token %}
  {% load i18n %}
  {% translate "Name" as label %}
  {% blocktranslate asvar other %}Other{% endblocktranslate %}
  {% comment %}
    Written for readers only.
  {% endcomment %}
  {# And this too. #}
  {% with x=label %}
    <p>{{ x }} {{ other }}</p>
  {% endwith %}
</form>
"""
    assert stripped(source) == "<form><p>Name Other</p></form>"


def test_a_token_is_still_sent() -> None:
    served = stripped("<form>\n{% csrf_token %}\n<b>x</b>\n</form>", csrf_token="abc")

    assert served == (
        '<form><input type="hidden" name="csrfmiddlewaretoken" value="abc"><b>x</b></form>'
    )


def test_what_other_tags_write_counts_as_text() -> None:
    source = '<p>\n{% translate "One" %}\n{% now "Y" as year %}\n{% translate "two" %}\n</p>'

    assert stripped(source) == "<p>One two</p>"


def test_what_stands_inside_unknown_tags_is_left_alone() -> None:
    source = "<p>\n{% filter upper %}\n <b>one</b>\n{% endfilter %}\n</p>"

    assert stripped(source) == "<p>\n <B>ONE</B>\n</p>"


def test_translated_text_is_left_alone() -> None:
    source = (
        "<p>\n{% blocktranslate %}one\n  two{% endblocktranslate %}\n"
        "{% blocktranslate trimmed %}\n  three\n  four\n{% endblocktranslate %}\n</p>"
    )

    assert stripped(source) == "<p>one\n  two three four</p>"


def test_verbatim_text_is_left_alone() -> None:
    source = "<p>\n{% verbatim %}{{ a }}\n  {% b %}{% endverbatim %}\n</p>"

    assert stripped(source) == "<p>{{ a }}\n  {% b %}</p>"


@pytest.mark.parametrize("tag", sorted(BLOCK_LEVEL_TAGS))
def test_our_block_tags_have_edges_on_both_sides(tag: str) -> None:
    source = f'one\n{{% {tag} "Title" id="x" %}}\n<b>two</b>\n{{% end{tag} %}}\nthree'
    if tag != "data_table":
        source = source.replace(' id="x"', "")
    dense = source.replace("\n", "")

    assert stripped(source) == stripped(dense)


# --- Where nothing may change ---------------------------------------------------------------------


@pytest.mark.parametrize("element", ["pre", "textarea", "script", "style"])
def test_raw_elements_are_left_alone(element: str) -> None:
    content = "\n  a {{ b }}\n\n  {% if b %}\n <p>\n {% endif %}"
    source = f"<div>\n<{element} class='x'>{content}</{element}>\n</div>"

    served = stripped(source, b="c")

    assert f"<{element} class='x'>\n  a c\n\n  \n <p>\n </{element}>" in served
    assert served.startswith(f"<div><{element}")
    assert served.endswith(f"</{element}></div>")


def test_a_raw_element_ends_at_its_own_end_tag_in_any_case() -> None:
    source = "<PRE>\n</prefix>\n<b>\n</Pre >\n<p>\nx</p>"

    assert stripped(source) == "<PRE>\n</prefix>\n<b>\n</Pre ><p>x</p>"


def test_html_comments_are_left_alone() -> None:
    source = "<p>\n<!-- one > \n\n two -->\n</p>"

    assert stripped(source) == "<p><!-- one > \n\n two --></p>"


def test_attribute_values_are_left_alone() -> None:
    source = """<div title="one\n  > two" data-x='{"a":\n 1}'>\n<b>x</b>\n</div>"""

    assert stripped(source) == """<div title="one\n  > two" data-x='{"a":\n 1}'><b>x</b></div>"""


def test_line_breaks_between_attributes_become_a_space() -> None:
    source = '<a class="x"\n   href="y"\n   {% if z %}\n     id="z"\n   {% endif %}\n>t</a>'

    assert stripped(source, z=True).replace("  ", " ") == '<a class="x" href="y" id="z">t</a>'
    assert stripped(source, z=False).replace(" >", ">") == '<a class="x" href="y">t</a>'


def test_a_tag_that_conditions_share_is_read_through_them() -> None:
    source = """
<div class="{% if a %}b{% endif %}"{% if a %} title="c
d"{% endif %}>
  {% if a %}<p>{% else %}<p class="x">{% endif %}
  text
  </p>
</div>
"""
    assert stripped(source, a=True) == '<div class="b" title="c\nd"><p>text</p></div>'


def test_nothing_is_touched_where_paths_end_at_different_places() -> None:
    source = "{% if a %}<pre>{% else %}<p>{% endif %}\n  x\n  <b>\n"

    assert stripped(source, a=True) == "<pre>\n  x\n  <b>\n"


# --- Inheritance ----------------------------------------------------------------------------------

PAGES = {
    "base.html": """
<html>
  <title>{% block title %}{% endblock %} · Site</title>
  <main{% block attributes %}{% endblock %}>
    {% block content %}
      nothing
    {% endblock %}
  </main>
</html>
""",
    "page.html": """
{% extends "base.html" %}
{% load i18n %}
{% block title %}
  {% translate "Page" %}
{% endblock %}
{% block attributes %} class="x"{% endblock %}
{% block content %}
  {{ block.super }}
  {% include "badge.html" with label="new" only %}
{% endblock %}
""",
    "badge.html": """
{% comment %}label{% endcomment %}
<span>{{ label }}</span>
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, source in PAGES.items():
        (tmp_path / name).write_text(source.removeprefix("\n"))
    return tmp_path


def engine_of(folder: Path, *, debug: bool = False) -> Engine:
    loader = "plumbmark.web.template_loader.Loader"
    return Engine([folder], loaders=[loader], libraries=LIBRARIES, debug=debug)


def test_blocks_and_included_templates_have_edges(folder: Path) -> None:
    served = engine_of(folder).get_template("page.html").render(Context())

    assert served == (
        '<html><title>Page · Site</title><main class="x">nothing <span>new</span></main></html>'
    )


def test_a_compiled_template_is_kept(folder: Path) -> None:
    engine = engine_of(folder)

    assert engine.get_template("page.html") is engine.get_template("page.html")


def test_mails_are_left_alone(folder: Path) -> None:
    (folder / "mail.txt").write_text("Hello\n\n  you\n")

    assert engine_of(folder).get_template("mail.txt").render(Context()) == "Hello\n\n  you\n"


def test_templates_of_other_apps_are_left_alone() -> None:
    admin = get_template("admin/base.html").template

    assert "\n\n" in "".join(getattr(node, "s", "") for node in admin.nodelist)


def test_the_platforms_own_templates_are_stripped() -> None:
    served = get_template("components/notice.html").render({"text": "x", "title": "y"})

    assert "\n" not in served
    assert served.startswith('<div class="notice"')


TEXT = " one\n\n  two "


@pytest.mark.parametrize(
    ("name", "context", "served"),
    [
        ("components/message.html", {"role": "user", "text": TEXT}, f">{TEXT}</div>"),
        (
            "components/message.html",
            {"role": "user", "parts": [{"kind": "text", "text": TEXT}] * 2},
            ">" + f'<div class="message__part">{TEXT}</div>' * 2 + "</div>",
        ),
        (
            "components/code_block.html",
            {"id": "x", "text": TEXT},
            f'<code id="x">{TEXT}</code></pre>',
        ),
    ],
)
def test_text_that_is_shown_as_it_stands_gets_no_white_space(
    name: str, context: dict[str, Any], served: str
) -> None:
    assert served in get_template(name).render(context)


def test_the_end_of_a_log_is_the_log_and_nothing_else() -> None:
    assert (
        get_template("tasks_app/code_tasks/_log.html").render({"text": TEXT, "is_over": True})
        == TEXT
    )


def test_an_error_names_the_line_that_was_written(folder: Path) -> None:
    (folder / "wrong.html").write_text("<p>\n  one\n</p>\n{{ a|join:b }}\n")
    template = engine_of(folder, debug=True).get_template("wrong.html")

    with pytest.raises(VariableDoesNotExist) as caught:
        template.render(Context({"a": 1}))

    assert vars(caught.value)["template_debug"]["line"] == 4


# --- Whatever the template ------------------------------------------------------------------------

BITS = st.sampled_from(
    [
        *("\n", " ", "\n  ", "a", "{{ x }}", "<b>", "</b>", "<p>", "</p>", "<br>"),
        *("<!-- -\n- -->", "<a\n  id='a\nb'>", "<textarea>\n\n</textarea>"),
        *("{% if x %}a{% endif %}", "{% if y %}\n{% else %}<i>\n</i>{% endif %}"),
        *("{% for z in zs %}\n<i>{{ z }}</i>\n{% endfor %}", "{% for z in zs %}<p>\n{% endfor %}"),
        "{% with y=x %}\n{{ y }}\n{% endwith %}",
    ]
)
LEFT_ALONE = re.compile(r"<textarea>.*?</textarea>|<!--.*?-->|'[^']*'", re.DOTALL)
BESIDE_EDGES = re.compile(rf" ?(</?(?:{'|'.join(sorted(BLOCK_LEVEL_ELEMENTS))})>) ?")


def shown(html: str) -> list[str]:
    """Return what a browser makes of it: white space collapsed, none beside edges."""
    texts = [BESIDE_EDGES.sub(r"\1", re.sub(r"\s+", " ", text)) for text in LEFT_ALONE.split(html)]
    return ["".join(texts).strip(), *LEFT_ALONE.findall(html)]


@given(bits=st.lists(BITS, max_size=14), y=st.booleans(), zs=st.sampled_from(["", "u", "uv"]))
def test_no_template_shows_differently(bits: list[str], y: bool, zs: str) -> None:
    source = "".join(bits)
    context = {"x": "x", "y": y, "zs": zs}

    assert shown(stripped(source, **context)) == shown(
        ENGINE.from_string(source).render(Context(context))
    )
