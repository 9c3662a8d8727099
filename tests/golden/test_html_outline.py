"""The outline of a page: blind to how its source is laid out, not to what is shown."""

import pytest

from tests.golden.html_outline import MalformedPage, outline

TIGHT = (
    '<main><p>One <b>two</b>.</p><p class="row"><a class="button" href="/">A</a><span>b</span></p>'
    "<table><tr><td>1</td><td>2</td></tr></table><ul><li>x</li></ul><pre>a\n b</pre></main>"
)
LOOSE = """
<main>
  <p>
    One <b>two</b>.
  </p>
  <p class="row">
    <a class="button"
       href="/">A</a>
    <span>b</span>
  </p>
  <table>
    <tr>
      <td>
        1
      </td>
      <td>2
    </tr>
  </table>
  <ul>
    <li>x
  </ul>
  <pre>a
 b</pre>
</main>
"""


def test_white_space_that_nobody_sees_changes_nothing() -> None:
    assert outline(LOOSE) == outline(TIGHT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<p>a<b>b</b></p>", "<p>a <b>b</b></p>"),
        ("<p><b>a</b><i>b</i></p>", "<p><b>a</b> <i>b</i></p>"),
        ("<p><a>a</a> b</p>", "<p><a>a </a>b</p>"),
        ("<pre>a</pre>", "<pre>a </pre>"),
        ("<p>a b</p>", "<p>ab</p>"),
        ("<p>a</p><p>b</p>", "<p>a b</p>"),
        ('<p class="row"><b>a</b></p>', '<p class="muted"><b>a</b></p>'),
        ("<input checked>", "<input>"),
        ("<p><input> <b>a</b></p>", "<p><input><b>a</b></p>"),
        ("<p>a<button> b </button></p>", "<p>a <button>b</button></p>"),
    ],
)
def test_what_is_shown_otherwise_is_another_outline(one: str, other: str) -> None:
    assert outline(one) != outline(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<p>a <b> b</b></p>", "<p>a <b>b</b></p>"),
        ("<p>a <b>b </b> </p>", "<p>a <b>b</b></p>"),
        ("<p>a<br> b</p>", "<p>a <br>b</p>"),
        ("<p>a <button> b </button></p>", "<p>a <button>b</button></p>"),
        ('<p> <input type="hidden"> <b>a</b></p>', '<p><input type="hidden"><b>a</b></p>'),
        ('<div class="row"> <b>a</b>  <b>b</b> </div>', '<div class="row"><b>a</b><b>b</b></div>'),
        ("<svg><g> <path d='M1  1'/> </g></svg>", "<svg><g><path d='M1 1'/></g></svg>"),
        ('<input checked="checked" value="">', '<input value="" checked>'),
    ],
)
def test_what_is_shown_alike_is_one_outline(one: str, other: str) -> None:
    assert outline(one) == outline(other)


@pytest.mark.parametrize("page", ["<p><b>a</p></b>", "<div>", "</p>", '<p id="a" id="b"></p>'])
def test_a_malformed_page_is_refused(page: str) -> None:
    with pytest.raises(MalformedPage):
        outline(page)
