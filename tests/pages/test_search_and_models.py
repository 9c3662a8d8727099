"""The search field and pages of models in a browser: accessible, by keyboard, without scripts."""

from collections.abc import Callable
from typing import Any

import pytest

from leaderboards_app.search.actions import repair_index
from plumbmark.gateway.models import CatalogueModel, Deployment, PriceCard
from tests.factories import publish_benchmark, publish_task, settle

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def world(open_account: Callable[..., Any]) -> Any:
    ada = open_account(handle="ada")
    publish_benchmark(ada, [publish_task(ada, "Birch sums")], "Birch board")
    for name in ("birch-3", "birch-3-mini", "a" * 100):
        model = CatalogueModel.objects.create(
            slug=f"arbor/{name}",
            maker="Arbor",
            name=name,
            modalities=["text", "image"],
            released_on="2026-01-02",
        )
        deployment = Deployment.objects.create(
            slug=model.slug, model=model, provider="openai", upstream_id=name
        )
        PriceCard.objects.create(
            deployment=deployment,
            valid_from="2026-01-05T00:00Z",
            input_per_mtok=1,
            output_per_mtok=1,
            source="admin",
        )
    settle()
    repair_index()
    return ada


def test_results_appear_as_one_types_and_are_chosen_by_keys(
    browser_page: Any, axe: Callable[[Any], None]
) -> None:
    page = browser_page
    page.goto("/help/")
    page.keyboard.press("/")
    page.keyboard.type("birc")
    page.locator(".site-search__option").first.wait_for()
    field = page.get_by_role("combobox", name="Search")
    status = page.locator("site-search [role=status]")

    assert field.get_attribute("aria-expanded") == "true"
    assert status.inner_text() == "4 results"
    page.keyboard.press("ArrowDown")
    axe(page)
    assert page.locator("[role=option][aria-selected=true]").inner_text().startswith("Birch board")
    page.keyboard.press("Escape")
    assert field.get_attribute("aria-expanded") == "false"
    assert not page.locator(".site-search__list").is_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Birch board").wait_for()


def test_enter_without_a_choice_and_a_click_lead_on(browser_page: Any) -> None:
    page = browser_page
    page.goto("/")
    field = page.get_by_role("combobox", name="Search")
    field.fill("birch sums")
    page.locator(".site-search__option").first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=birch+sums")
    page.get_by_role("heading", level=2, name="Tasks").wait_for()

    field.fill("birch-3-mini")
    page.locator(".site-search__option").first.click()
    page.get_by_role("heading", level=1, name="birch-3-mini").wait_for()
    field.fill("zzzz")
    page.get_by_text("No results").last.wait_for()


def test_a_slash_is_a_letter_inside_of_fields(browser_page: Any) -> None:
    page = browser_page
    page.goto("/tasks/")
    inside = page.get_by_label("Title or summary contains")
    inside.focus()
    page.keyboard.type("a/b")

    assert inside.input_value() == "a/b"


def test_the_pages_are_accessible(browser_page: Any, axe: Callable[[Any], None]) -> None:
    for path in (
        "/search/",
        "/search/?q=birch",
        "/search/?q=bircj",
        "/search/?q=birch&kind=model",
        "/search/?q=%22",
        "/models/",
        "/models/?maker=Arbor&weights=open",
        "/models/arbor/birch-3/",
    ):
        browser_page.goto(path)
        axe(browser_page)


def test_everything_works_on_a_phone_without_scripts(new_page: Callable[..., Any]) -> None:
    page = new_page(width=320, javascript=False)
    page.goto("/")
    page.get_by_role("searchbox", name="Search").fill("birch")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=2, name="Benchmarks").wait_for()
    widths = [page.evaluate("document.documentElement.scrollWidth")]
    page.get_by_role("link", name="birch-3-mini").click()
    for path in ("/models/", f"/models/arbor/{'a' * 100}/", "/search/?q=" + "a" * 100):
        page.goto(path)
        widths.append(page.evaluate("document.documentElement.scrollWidth"))

    assert max(widths) <= 320
