"""Which code is taken from an answer in Markdown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.scoring.code_blocks import JSON, WHOLE, code_blocks, take_code
from plumbmark.scoring.json_texts import last_json
from plumbmark.strict_json import JsonError
from tests.growth import growth


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("x = 1", "x = 1"),
        ("a\n```\none\n```\nb\n```py\ntwo\n```", "two\n"),
        ("```python\ncut off at the lim", "cut off at the lim"),
        ("~~~\ntilde\n~~~", "tilde\n"),
        ("````\n```\ninner\n```\n````", "```\ninner\n```\n"),
        ("Use `x` inline.", "Use `x` inline."),
        ("\ufeff```python\na = 1\n```", "a = 1\n"),
        # Line ends, info strings, indentation, longer fences.
        ("```python\r\na = 1\r\nb = 2\r\n```\r\nDone.\r\n", "a = 1\nb = 2\n"),
        ('```Python title="a.py"\na = 1\n```', "a = 1\n"),
        ("```{.python .numberLines}\na = 1\n```", "a = 1\n"),
        ("   ```python\n   a = 1\n   ```", "a = 1\n"),
        ("    ```python\n    a = 1\n    ```", "a = 1\n"),
        ("1. So:\n\n   ```python\n   if a:\n       b()\n   ```\n", "if a:\n    b()\n"),
        ("> ```python\n> a = 1\n> ```", "a = 1\n"),
        ("~~~~py\n~~~\n~~~~", "~~~\n"),
        ("```python\na = '```'\nb = 2\n```", "a = '```'\nb = 2\n"),
        ("```python\nif a:\n    '''\n    ```\n    '''\n```", "if a:\n    '''\n    ```\n    '''\n"),
        ("````markdown\n```python\na = 1\n```\n````", "a = 1\n"),
        # Ways of closing a block that CommonMark does not know.
        ("```python\na = 1```", "a = 1\n"),
        ("```python\na = 1```\nThat is all.", "a = 1\n"),
        ("```python a = 1```", "a = 1"),
        ("a = 1\n```\n", "a = 1\n"),
        ("def f():\n    return 1\n```\nIt returns one.\n", "def f():\n    return 1\n"),
        ("```\n```python\na = 1\n```\n", "a = 1\n"),
        ("```python\na = 1\n```\n\n```\n", "a = 1\n"),
        ("```\n```", "```\n```"),
        # What a program printed, or how it is called, is not the program.
        ("```python\na = 1\n```\nOutput:\n```\n1\n```", "a = 1\n"),
        ("```python\na = 1\n```\nOutput:\n```text\n1\n```", "a = 1\n"),
        ("```bash\npip install b\n```\n```\na = 1\n```\n```bash\npython a.py\n```", "a = 1\n"),
    ],
)
def test_the_code_of_an_answer(output: str, code: str) -> None:
    assert take_code(output).code == code


def test_a_block_of_json_goes_before_others() -> None:
    output = '```json\n{"a": 1}\n```\n```python\nprint(1)\n```'

    assert take_code(output, languages=JSON).code == '{"a": 1}\n'
    assert take_code(output).code == "print(1)\n"


@given(st.text("`~ \n\r>-1.\tpy", max_size=60))
def test_no_text_of_fences_makes_it_fail(output: str) -> None:
    for choice in ("last", "first", "longest", "all"):
        taken = take_code(output, choice)  # type: ignore[arg-type]
        assert taken.which == WHOLE or code_blocks(output) or "stands before" in taken.which


@given(st.text('{}[]":,a1 \\\n`', max_size=60))
def test_no_text_of_brackets_makes_it_fail(output: str) -> None:
    try:
        found = last_json(output)
    except JsonError:
        return
    assert 0 <= found.start <= found.end <= len(output)


@pytest.mark.parametrize(
    "unit", ["```\n", "~~~a\n", "- > ```\n", "1. a\n   ```\n", "    ```\n", "```a```"]
)
def test_fences_are_read_in_linear_time(unit: str) -> None:
    assert growth(lambda text: take_code(text).code, unit) < 40


@pytest.mark.parametrize(
    "unit", ['{"a":', '{"a":1,', '{"', '[{"a": x', "[[", '{"a":{"a":1} x', '{"a":"\\']
)
def test_brackets_are_read_in_linear_time(unit: str) -> None:
    def read(text: str) -> None:
        with pytest.raises(JsonError):
            last_json(text)

    assert growth(read, unit + "!") < 40
