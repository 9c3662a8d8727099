"""Completion in the editor's text: the schema's keys, and the columns of the data in a prompt."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

START = "plumbmark: 1\n"
ROWS = [{"id": "q1", "question": "Say 1.", "answer": "1", "hint": "one"}]
DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages:
    - role: user
      content: "{question}"
scorers:
  - type: exact
"""


def test_keys_of_the_schema_and_columns_of_the_data_are_offered_and_inserted(
    new_page: Callable[..., Any],
    sign_in: Callable[[Any, Any], None],
    open_account: Callable[..., Any],
    make_task: Callable[..., Any],
) -> None:
    ada = open_account("ada")
    task = make_task(ada, definition=DEFINITION, rows=ROWS, publish="")
    page = new_page()
    sign_in(page, ada)
    page.goto(f"/tasks/ada/{task.slug}/edit/")
    page.get_by_role("button", name="Text", exact=True).click()
    editor = page.locator("definition-editor[data-ready=codemirror]")
    editor.wait_for()
    offered = page.locator(".cm-tooltip-autocomplete li .cm-completionLabel")

    # A new line at the end, at the level of the top.
    editor.evaluate("it => it.select(9)")
    page.keyboard.press("Control+Space")
    offered.first.wait_for()
    assert {"sampling", "description", "limits"} <= set(offered.all_inner_texts())
    page.keyboard.type("samp")
    # By a click: Enter is a new line for the moment in which the list changes.
    offered.filter(has_text="sampling").click()
    text = page.locator("definition-editor textarea")
    assert text.input_value() == f"{DEFINITION}sampling: "

    # Within the prompt, behind a brace.
    editor.evaluate("it => it.select(6)")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type(" {")
    offered.first.wait_for()
    assert {"question", "hint", "choices"} <= set(offered.all_inner_texts())
    page.keyboard.type("hi")
    offered.filter(has_text="hint").click()
    assert 'content: "{question} {hint}"' in text.input_value()
