"""From an empty installation to a public board, by clicks alone: no YAML, few clicks."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import xlsxwriter
from PIL import Image

from tests.factories import CARD, settle
from tests.fake_provider.process import FakeProvider
from tests.gsm8k import outputs_file, problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.slow]

MAX_CLICKS = 25
CHOICES = "Nr;Frage;A;B;C;Antwort;Fach\r\n" + "".join(
    f"{n};Wie heißt die größte Stadt von Land {n}?;Köln {n};Zürich {n};Münster {n}"
    f";{'ABC'[n % 3]};{'Erdkunde' if n % 2 else 'Größen'}\r\n"
    for n in range(24)
)


@pytest.fixture(autouse=True)
def _gateway_ends() -> Iterator[None]:
    from plumbmark.gateway.actions import ensure_baselines
    from plumbmark.gateway.calls import runtime

    ensure_baselines()
    yield
    runtime.shutdown()


class Author:
    """Somebody at a browser, whose clicks are counted; typing and choosing a file are none."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.clicks = 0

    def click(self, role: str, name: str, **given: Any) -> None:
        self.page.get_by_role(role, name=name, **given).first.click()
        self.clicks += 1

    def tick(self, label: str) -> None:
        self.page.get_by_label(label).first.check()
        self.clicks += 1

    def choose(self, label: str, **option: Any) -> None:
        self.page.get_by_label(label).select_option(**option)
        self.clicks += 1

    def connect_model(self, name: str, address: str) -> None:
        """Connect a provider that charges nothing, as staff."""
        page = self.page
        page.goto("/staff/providers/")
        self.click("link", "Add a provider")
        self.click("link", "Another address")
        page.get_by_label("Name").fill("Lab")
        page.get_by_label("Address").fill(address)
        self.click("button", "Test and connect")
        self.tick(name)
        self.click("button", "Save the models")
        page.get_by_label(f"Input of {name}", exact=True).fill("0")
        page.get_by_label(f"Output of {name}").fill("0")
        self.click("button", "Save the prices")
        page.get_by_text("1 price changed.").wait_for()

    def publish_task(self, title: str, name: str, content: bytes) -> None:
        """Create a task from a file and publish it; ends on the task's page."""
        page = self.page
        page.goto("/tasks/")
        self.click("link", "New task")
        page.get_by_label("Title").fill(title)
        page.get_by_label("Your data").set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        )
        self.click("button", "Create the task")
        page.get_by_role("heading", name="What are the columns for?").wait_for()
        self.click("button", "Write the task")
        page.get_by_text("The definition is written.").wait_for()
        self.publish_draft()

    def publish_draft(self) -> None:
        """Publish the task in the editor; ends on the task's page."""
        self.click("button", "Save and publish…")
        self.click("button", "Publish version 1")
        self.page.get_by_text("Version 1 is published.").wait_for(timeout=60_000)

    def publish_benchmark(self, title: str) -> None:
        """Create a benchmark of the newest task and publish it; ends on the board."""
        page = self.page
        self.click("link", "Benchmarks")
        self.click("link", "New benchmark")
        page.get_by_label("Title").fill(title)
        page.get_by_label("What it measures, in one sentence").fill("Whether answers are right.")
        self.click("button", "Create the draft")
        page.locator("input[name=add]").first.check()
        self.clicks += 1
        for key, field in zip(CARD, page.locator("textarea[name^=card_]").all(), strict=True):
            field.fill(f"About {key}.")
        self.click("button", "Save and publish…")
        self.choose("Who can see it", value="public")
        self.click("button", "Publish", exact=True)
        page.get_by_text("Version 1 is published.").wait_for()

    def run_models(self, *names: str) -> None:
        page = self.page
        self.click("link", "Run models")
        for name in names:
            self.tick(name)
        self.click("button", "Show the runs and their cost")
        self.click("button", "Start", exact=True)
        page.get_by_text("runs are queued").wait_for()
        settle()


@pytest.mark.real_data
def test_gsm8k_with_two_models_and_a_submitted_one(
    new_page: Callable[..., Any],
    sign_in: Callable[..., None],
    open_account: Callable[..., Any],
    axe: Callable[[Any], None],
) -> None:
    page = new_page()
    sign_in(page, open_account("ada"))
    author = Author(page)
    author.publish_task("GSM8K", "test.jsonl", problems())
    author.click("link", "Submit outputs")
    page.get_by_label("Model").fill("175b verification")
    page.get_by_label("File of outputs").set_input_files(
        {
            "name": "outputs.jsonl",
            "mimeType": "application/jsonl",
            "buffer": outputs_file("175b_verification"),
        }
    )
    author.click("button", "Submit")
    settle()
    author.publish_benchmark("School maths")
    author.run_models("baseline/echo", "baseline/constant")
    author.click("button", "Enter")
    settle()
    page.goto("/benchmarks/ada/school-maths/?scope=all")
    axe(page)

    assert "56.25" in page.locator("#standings").inner_text()
    assert page.locator("#standings tbody tr").count() == 3
    assert author.clicks <= MAX_CLICKS, author.clicks


def test_a_semicolon_table_in_windows_1252(
    new_page: Callable[..., Any],
    sign_in: Callable[..., None],
    open_account: Callable[..., Any],
    axe: Callable[[Any], None],
) -> None:
    page = new_page(width=360)
    sign_in(page, open_account("ada"))
    author = Author(page)
    author.publish_task("Erdkunde", "fragen.csv", CHOICES.encode("cp1252"))
    axe(page)
    author.publish_benchmark("Wissen")
    author.run_models("baseline/first-choice", "baseline/random-choice")
    page.goto("/benchmarks/ada/wissen/")
    axe(page)

    row = page.locator("#standings tbody tr", has_text="First choice")
    assert "33.33" in row.inner_text()
    assert author.clicks <= MAX_CLICKS, author.clicks


def colour_workbook() -> bytes:
    """Return a workbook with a picture in each row, and options of which the first is right in
    half.
    """
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("Colours")
        sheet.write_row(0, 0, ["Nr", "Picture", "Question", "A", "B", "Answer"])
        for row in range(1, 13):
            colour = "red" if row % 2 else "blue"
            picture = io.BytesIO()
            Image.new("RGB", (16, 16), colour).save(picture, "PNG")
            sheet.insert_image(row, 1, f"{row}.png", {"image_data": picture})
            question = f"Which colour is picture {row}?"
            sheet.write(row, 0, row)
            sheet.write_row(row, 2, [question, "red", "blue", "A" if row % 2 else "B"])
    return file.getvalue()


def test_a_workbook_with_pictures(
    new_page: Callable[..., Any],
    sign_in: Callable[..., None],
    open_account: Callable[..., Any],
    axe: Callable[[Any], None],
) -> None:
    page = new_page()
    sign_in(page, open_account("ada"))
    author = Author(page)
    author.publish_task("Colours", "colours.xlsx", colour_workbook())
    axe(page)
    author.publish_benchmark("Seeing")
    author.run_models("baseline/first-choice", "baseline/random-choice")
    page.goto("/benchmarks/ada/seeing/")

    row = page.locator("#standings tbody tr", has_text="First choice")
    assert "50.00" in row.inner_text()
    assert author.clicks <= MAX_CLICKS, author.clicks
    row.get_by_role("link").last.click()
    page.get_by_role("link", name="1", exact=True).first.click()
    assert page.locator("main img").count() >= 1
    axe(page)


def test_a_judge_with_a_rubric_from_a_kind_and_the_form(
    new_page: Callable[..., Any],
    sign_in: Callable[..., None],
    open_account: Callable[..., Any],
    axe: Callable[[Any], None],
    fake_provider: FakeProvider,
) -> None:
    # The judge finds an answer correct if it names what the rubric asks for.
    fake_provider.configure(models={"judge": "judge"})
    page = new_page()
    sign_in(page, open_account("ada", is_administrator=True))
    author = Author(page)
    author.connect_model("judge", fake_provider.url)
    page.goto("/tasks/")
    author.click("link", "New task")
    author.click("button", "Model judge with a rubric")
    page.get_by_text("This is a working example").wait_for()
    rubric = page.get_by_label("Rubric")
    rubric.fill("The question was why {why}.\nIs it {target}? Other words count.\n\n{output}\n")
    page.locator("#preview").get_by_text("no problems").wait_for()
    axe(page)
    author.publish_draft()
    author.publish_benchmark("Reasons")
    author.run_models("baseline/echo", "baseline/constant")
    page.goto("/benchmarks/ada/reasons/")

    rows = page.locator("#standings tbody tr")
    assert "50.00" in rows.filter(has_text="Echo").inner_text()
    assert "0.00" in rows.filter(has_text="Constant").inner_text()
    assert author.clicks <= MAX_CLICKS, author.clicks


def test_the_columns_page_by_keyboard_and_without_scripts(
    new_page: Callable[..., Any],
    sign_in: Callable[..., None],
    open_account: Callable[..., Any],
    axe: Callable[[Any], None],
) -> None:
    rows = "".join(json.dumps({"prompt": f"Say {n}", "reply": str(n)}) + "\n" for n in range(3))
    page = new_page(javascript=False)
    sign_in(page, open_account("ada"))
    page.goto("/tasks/new/")
    page.get_by_label("Title").fill("Words")
    page.get_by_label("Or paste a table").fill(rows)
    page.get_by_label("Title").press("Enter")
    page.get_by_role("heading", name="What are the columns for?").wait_for()
    page.get_by_label("Role of reply").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_label("Role of reply").select_option("answer")
    page.get_by_role("button", name="Write the task").press("Enter")
    page.get_by_text("The definition is written.").wait_for()

    scripted = new_page()
    sign_in(scripted, open_account("ada2"))
    scripted.goto("/tasks/new/")
    axe(scripted)
