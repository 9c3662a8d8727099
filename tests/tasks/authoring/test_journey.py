"""From a new task to the sample page in Chromium, and axe on every page in both themes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Axe = Callable[[Any], None]
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
    json.dumps({"id": f"q{n}", "question": f"Say {n}.", "answer": str(n)}) + "\n"
    for n in range(1, 6)
)


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


def test_from_a_new_task_to_its_first_samples(
    new_page: Callable[..., Any],
    sign_in: Callable[..., None],
    ada: Any,
    echo: Any,
    work: Callable[[], None],
    text_of_definition: Callable[[Any], Any],
) -> None:
    page = new_page()
    sign_in(page, ada)
    page.goto("/tasks/")
    page.get_by_role("link", name="New task").first.click()
    page.get_by_label("Title").fill("Number words")
    page.get_by_role("button", name="Create the task").click()
    page.get_by_role("button", name="Text", exact=True).click()

    # The preview follows what is typed; a problem leads to its line.
    area = text_of_definition(page)
    page.get_by_text("upload a data file").wait_for()
    area.fill(DEFINITION.replace("type: includes", "type: include"))
    page.get_by_role("button", name="Line 8").click()
    selected = page.locator("definition-editor").evaluate("it => it.selected")
    assert selected == "  - type: include"
    page.locator(".cm-lint-marker-error").wait_for()
    page.locator("textarea[aria-invalid=true]").wait_for(state="attached")

    area.fill(DEFINITION)
    page.get_by_label("Upload").set_input_files(
        {"name": "items.jsonl", "mimeType": "application/jsonl", "buffer": ROWS.encode()}
    )
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Your draft is saved.").wait_for()
    page.get_by_text("Say 3.").wait_for()
    assert page.get_by_text("Say 4.").count() == 0
    # Another page: its editor takes the place of the text area once its scripts have run.
    text_of_definition(page).fill(DEFINITION.replace("{question}", "Please: {question}"))
    page.get_by_text("Please: Say 1.").wait_for()

    # Trying: the cost first, then a run whose page follows it to its end.
    page.get_by_label("Model").select_option(echo.slug)
    page.get_by_role("button", name="Save and try…").click()
    page.get_by_text("What it costs at most").wait_for()
    page.get_by_role("button", name="Start the try").click()
    page.locator("#models").get_by_role("link", name="Echo").click()
    status = page.locator("#run-status")
    status.get_by_text("queued").wait_for()
    work()
    status.get_by_text("completed").wait_for()
    page.get_by_text("The output includes “1”.").wait_for()
    page.locator("#run-announcement", has_text="is now completed").wait_for(state="attached")
    assert status.get_attribute("hx-get") is None

    page.get_by_role("link", name="Number words").first.click()
    page.get_by_role("link", name="Edit").first.click()
    page.get_by_text("Latest try:").wait_for()
    page.get_by_role("button", name="Save and publish…").click()
    page.get_by_text("This becomes version 1").wait_for()
    page.get_by_role("button", name="Publish version 1").click()
    page.get_by_text("Version 1 is published.").wait_for()

    # A declared run: score → run → sample.
    page.get_by_label("Model").select_option(echo.slug)
    page.get_by_label("Declared:").check()
    page.get_by_role("button", name="What would it cost?").click()
    page.get_by_role("button", name="Start the declared run").click()
    page.locator("#run-status").wait_for()
    work()
    page.locator("#run-status").get_by_text("completed").wait_for()
    page.goto("/tasks/ada/number-words/")
    page.get_by_role("link", name="100.00 %").click()
    page.get_by_role("link", name="q2").first.click()
    page.get_by_role("heading", name="Item q2").wait_for()
    page.locator("summary", has_text="Raw response").click()
    page.get_by_text('"text": "Please: Say 2."').wait_for()
    page.get_by_role("link", name="Next").click()
    page.get_by_role("heading", name="Item q3").wait_for()


def test_the_editor_and_the_steering_work_without_javascript(
    new_page: Callable[..., Any], sign_in: Callable[..., None], ada: Any, echo: Any
) -> None:
    page = new_page(javascript=False)
    sign_in(page, ada)
    page.goto("/tasks/new/")
    page.get_by_label("Title").fill("Quiet words")
    page.get_by_role("button", name="Create the task").click()
    page.get_by_role("button", name="Text", exact=True).click()
    area = page.get_by_label("Definition, as YAML or JSON")
    area.fill(DEFINITION.replace("type: includes", "type: include"))
    page.get_by_role("button", name="Check all rows").click()

    page.get_by_text("Line 8").wait_for()
    assert page.locator(".problems__text").inner_text().strip() == "- type: include"
    area.fill(DEFINITION)
    page.get_by_label("Upload").set_input_files(
        {"name": "items.jsonl", "mimeType": "application/jsonl", "buffer": ROWS.encode()}
    )
    page.get_by_label("Model").select_option(echo.slug)
    page.get_by_role("button", name="Save and try…").click()
    page.get_by_role("button", name="Start the try").click()
    page.get_by_role("link", name="Reload").click()
    page.locator("#models").get_by_role("link", name="Echo").click()
    page.get_by_role("link", name="Reload").click()
    page.get_by_role("link", name="Cancel…").click()
    page.get_by_role("button", name="Yes, cancel it").click()

    page.locator("#run-status").get_by_text("cancelled").wait_for()


def test_typing_sends_no_file_and_the_last_text_wins(
    new_page: Callable[..., Any],
    sign_in: Callable[..., None],
    make_task: Callable[..., Any],
    ada: Any,
    text_of_definition: Callable[[Any], Any],
) -> None:
    make_task(ada, publish="")
    page = new_page()
    sign_in(page, ada)
    page.goto("/tasks/ada/number-words/edit/?view=text")
    page.get_by_label("Replace it with").set_input_files(
        {"name": "big.jsonl", "mimeType": "application/jsonl", "buffer": b"x" * 1_000_000}
    )
    sent: list[int] = []
    page.on("request", lambda request: sent.append(len(request.post_data or "")))

    area = text_of_definition(page)
    for text in ("plumbmark: 1", "plumbmark: 2", "[]"):
        area.fill(text)
    page.get_by_text("must be a document of keys and values").wait_for()

    assert max(sent) < 10_000
    assert page.locator("#preview").count() == 1


def test_who_types_before_the_editor_is_there_goes_on_where_they_were(
    new_page: Callable[..., Any],
    sign_in: Callable[..., None],
    make_task: Callable[..., Any],
    ada: Any,
    text_of_definition: Callable[[Any], Any],
) -> None:
    make_task(ada, publish="")
    page = new_page()
    sign_in(page, ada)
    waiting: list[Any] = []
    page.route("**/codemirror.min.js", lambda route: waiting.append(route))
    with page.expect_request("**/codemirror.min.js"):
        page.goto("/tasks/ada/number-words/edit/?view=text", wait_until="domcontentloaded")

    area = page.get_by_label("Definition, as YAML or JSON")
    area.evaluate("area => { area.focus(); area.setSelectionRange(0, 0); }")
    page.keyboard.type("# one")
    assert len(waiting) == 1
    for route in waiting:
        route.continue_()
    text = text_of_definition(page)
    page.keyboard.type(", two\n")

    text.get_by_text("# one, two").wait_for()
    assert page.locator("textarea#definition").input_value().startswith("# one, two\nplumbmark: 1")


def test_leaving_with_unsaved_text_asks_first(
    new_page: Callable[..., Any],
    sign_in: Callable[..., None],
    make_task: Callable[..., Any],
    ada: Any,
    text_of_definition: Callable[[Any], Any],
) -> None:
    make_task(ada, publish="")
    page = new_page()
    sign_in(page, ada)
    page.goto("/tasks/ada/number-words/edit/?view=text")
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    text_of_definition(page).press_sequentially("# ")
    with page.expect_event("dialog"):
        page.get_by_role("link", name="Settings").first.click(no_wait_after=True)

    assert asked == ["beforeunload"]
    assert page.url.endswith("/edit/?view=text")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Your draft is saved.").wait_for()
    assert asked == ["beforeunload"]


@pytest.fixture
def shown(
    make_task: Callable[..., Any],
    start: Callable[..., Any],
    work: Callable[[], None],
    ada: Any,
) -> list[str]:
    """Return every page of tasks and runs with something on it."""
    from tasks_app.authoring import drafts
    from tasks_app.runs import control

    facts = {"summary": "A summary.", "tags": ["arithmetic"], "citation": "Cite me."}
    task = make_task(ada, **facts)
    bad = make_task(ada, "Bad draft", publish="")
    drafts.save_draft(task=bad, definition_text="plumbmark: 2\nfoo: 1", by=ada)
    make_task(ada, "Good draft", publish="")
    run, tried = start(task, ada), start(task, ada, "try")
    work()
    paused, queued = start(task, ada), start(task, ada)
    control.pause_run(run=paused, by=ada)
    base = "/tasks/ada/number-words/"
    return [
        "/tasks/",
        "/tasks/?q=nothing-like-it",
        "/tasks/new/",
        "/tasks/ada/good-draft/",
        "/tasks/ada/good-draft/edit/",
        "/tasks/ada/bad-draft/edit/",
        "/tasks/ada/good-draft/publish/",
        "/tasks/ada/bad-draft/publish/",
        base,
        f"{base}settings/",
        f"{base}versions/1/",
        f"{base}versions/1/items/",
        f"{base}submit/",
        f"{base}run/",
        f"{base}run/?deployment=&purpose=declared",
        f"{base}run/?deployment=baseline/echo&purpose=declared",
        "/runs/",
        f"/runs/{run.pk}/",
        f"/runs/{run.pk}/?verdict=wrong",
        f"/runs/{tried.pk}/",
        f"/runs/{paused.pk}/",
        f"/runs/{queued.pk}/",
        f"/runs/{queued.pk}/cancel/",
        f"/runs/{run.pk}/samples/0/",
        f"/runs/{run.pk}/samples/3/",
        "/people/ada/",
    ]


def test_pages_of_tasks_and_runs_are_accessible(
    browser_page: Any, axe: Axe, sign_in: Callable[..., None], shown: list[str], ada: Any
) -> None:
    sign_in(browser_page, ada)
    for path in shown:
        browser_page.goto(path)
        browser_page.evaluate(
            "document.querySelectorAll('main details').forEach((fold) => { fold.open = true; })"
        )
        axe(browser_page)
        assert browser_page.locator("h1").count() == 1, path


def test_pages_of_tasks_and_runs_fit_a_narrow_screen(
    new_page: Callable[..., Any], sign_in: Callable[..., None], shown: list[str], ada: Any
) -> None:
    page = new_page(width=320)
    sign_in(page, ada)
    for path in shown:
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 320, f"{path} is {width} px wide"
