"""The main job in Chromium, in light and dark, axe clean on every page:

sign up → verify → author → try → publish → benchmark → run → board → sample.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import mail

from tests.factories import CARD, settle

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.slow]

PASSWORD = "a long enough sentence"
DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages:
    - role: user
      content: "{question}"
scorers:
  - type: includes
"""
ROWS = "".join(
    json.dumps({"id": f"q{n}", "question": f"Say {n if n % 4 else 'nothing'}.", "answer": str(n)})
    + "\n"
    for n in range(1, 21)
)


@pytest.fixture(autouse=True)
def _gateway_ends() -> Iterator[None]:
    from plumbmark.gateway.actions import ensure_baselines
    from plumbmark.gateway.calls import runtime

    ensure_baselines()
    yield
    runtime.shutdown()


def test_the_main_job(
    browser_page: Any, axe: Callable[[Any], None], text_of_definition: Callable[[Any], Any]
) -> None:
    page = browser_page

    # Sign up and verify.
    page.goto("/")
    axe(page)
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Handle").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    page.get_by_role("heading", name="Check your e-mail").wait_for()
    link = re.search(r"http://\S+/accounts/confirm-email/\S+", str(mail.outbox[-1].body))
    assert link
    page.goto(link.group())
    page.get_by_role("button", name="Yes, confirm it").click()
    page.get_by_role("heading", name="ada").wait_for()

    # Author and try.
    page.goto("/tasks/new/")
    axe(page)
    page.get_by_label("Title").fill("Say a number")
    page.get_by_role("button", name="Create the task").click()
    page.get_by_role("button", name="Text", exact=True).click()
    text_of_definition(page).fill(DEFINITION)
    page.get_by_label("Upload").set_input_files(
        {"name": "items.jsonl", "mimeType": "application/jsonl", "buffer": ROWS.encode()}
    )
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Your draft is saved.").wait_for()
    axe(page)
    page.get_by_label("Model").select_option("baseline/echo")
    page.get_by_role("button", name="Save and try…").click()
    page.get_by_role("button", name="Start the try").click()
    settle()
    page.locator("#models").get_by_text("completed").wait_for()
    axe(page)

    # Publish.
    page.get_by_role("link", name="Back to the editor").click()
    page.get_by_role("button", name="Save and publish…").click()
    page.get_by_label("public", exact=False).first.wait_for()
    axe(page)
    page.get_by_role("button", name="Publish version 1").click()
    page.get_by_text("Version 1 is published.").wait_for()
    axe(page)

    # A benchmark around it.
    page.goto("/benchmarks/new/")
    axe(page)
    page.get_by_label("Title").fill("Obedience")
    page.get_by_label("What it measures, in one sentence").fill("Whether a model says the number.")
    page.get_by_role("button", name="Create the draft").click()
    page.locator("input[name=add]").first.check()
    for key, field in zip(CARD, page.locator("textarea[name^=card_]").all(), strict=True):
        field.fill(f"About {key}.")
    axe(page)
    page.get_by_role("button", name="Save and publish…").click()
    page.get_by_role("heading", name="Publish version 1 of Obedience").wait_for()
    axe(page)
    page.get_by_label("Who can see it").select_option("unlisted")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_text("Version 1 is published.").wait_for()

    # Run, with the cost shown before.
    page.get_by_role("link", name="Run models").click()
    axe(page)
    page.get_by_label("baseline/echo").check()
    page.get_by_label("baseline/constant").check()
    page.get_by_role("button", name="Show the runs and their cost").click()
    page.get_by_role("heading", name="Start 2 runs?").wait_for()
    axe(page)
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("2 runs are queued").wait_for()
    settle()

    # Board → run → sample: three clicks from the score to the exchange.
    page.goto("/benchmarks/ada/obedience/")
    page.get_by_role("heading", name="Obedience").wait_for()
    axe(page)
    page.get_by_role("link", name="75.00 %").click()
    page.get_by_role("heading", name="Samples", exact=True).wait_for()
    axe(page)
    page.get_by_role("link", name="q3", exact=True).click()
    page.get_by_role("heading", name="Item q3").wait_for()
    page.locator("summary", has_text="Raw response").click()
    axe(page)

    # What else there is to see.
    for path in ("/benchmarks/ada/obedience/history/", "/quota/", "/people/ada/", "/runs/"):
        page.goto(path)
        axe(page)
