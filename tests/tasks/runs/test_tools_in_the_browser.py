"""Pages that show tools, in Chromium: readable in both themes and on a phone, axe clean."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.tasks.runs.test_tools import WEATHER, published, ran

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.mark.parametrize("width", [1280, 360])
def test_a_transcript_and_the_editor_with_tools_are_axe_clean(
    world: Any,
    check: Any,
    new_page: Callable[..., Any],
    sign_in: Callable[[Any, Any], None],
    axe: Callable[[Any], None],
    width: int,
) -> None:
    text = (
        'CALL get_weather {{"city": "{city}"}}\n'
        'CALL calculator {{"expression": "0.1 + 0.2"}} && get_whether {{"city": "Rome"}}\n'
        'CALL calculator {{"expression": "1/0"}}'
    )
    version = published(
        world,
        text,
        [{"type": "calculator"}, WEATHER],
        scorers=[
            {"type": "includes"},
            {"type": "tool_use", "required": [{"tool": "get_weather"}], "max_calls": 2},
        ],
    )
    run, _ = ran(world, check, version)
    page = new_page(width=width, bypass_csp=True)
    sign_in(page, world.ada)
    page.goto(f"/runs/{run.pk}/samples/0/")
    assert page.get_by_text("Calls get_weather").count() == 1
    assert page.get_by_text("Error from get_whether").is_visible()
    assert page.get_by_text("2 of 2").count() + page.get_by_text("1 of 2").count() == 1
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.goto(f"{version.task.get_absolute_url()}edit/")
    page.locator("summary", has_text="get_weather").click()
    preview = page.locator("#preview")
    assert preview.get_by_text("The weather in a city.", exact=True).is_visible()
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
