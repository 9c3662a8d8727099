"""Reasoning that a provider sends apart from the output, on the page and in the API of a sample."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from plumbmark.gateway.models import Deployment
from tasks_app.authoring import drafts, publication
from tasks_app.authoring.withdrawal import withdraw_content
from tasks_app.models import Run, Sample
from tests.themes import in_each_theme

pytestmark = pytest.mark.django_db(transaction=True)

DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "{question}"}]
sampling: {max_output_tokens: 64}
scorers: [{type: includes}]
"""
BOTH = "Think: Is it <b>one</b>?\n<think>Or two?</think>\nIt is three."


def run_of(
    world: Any, definition: str = DEFINITION, *, provider: str = "openai", question: str = BOTH
) -> Run:
    """Return a finished run of one item by a model that says the question back, and reasons."""
    task = world.task("Reasons")
    row = json.dumps({"id": "i0", "question": question, "answer": "three"})
    drafts.save_draft(
        task=task,
        definition_text=definition,
        upload=SimpleUploadedFile("items.jsonl", row.encode()),
        by=world.ada,
    )
    version = publication.publish_task(task=task, visibility="public", by=world.ada)
    deployment = world.add_deployment("reasoning")
    Deployment.objects.filter(pk=deployment.pk).update(provider=provider)
    deployment.refresh_from_db()
    run: Run = world.start(version, world.contender_of(deployment))
    world.work()
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED
    return run


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def fold(page: str, name: str) -> str:
    """Return what the folded block of this id contains; empty where there is none."""
    return page.partition(f'id="{name}"')[2].partition("</details>")[0]


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
def test_it_is_shown_folded_above_the_reasoning_that_stands_in_the_output(
    world: Any, provider: str
) -> None:
    run = run_of(world, provider=provider)
    client = client_of(world.ada)

    page = client.get(f"/runs/{run.pk}/samples/0/").content.decode()
    sample = client.get(f"/api/v1/runs/{run.pk}/samples/0").json()

    assert "Reasoning sent by the provider, not scored (17 characters)" in page
    assert "Is it &lt;b&gt;one&lt;/b&gt;?" in fold(page, "reasoning-apart")
    assert "Or two?" in fold(page, "reasoning")
    assert (
        page.index('id="reasoning-apart"')
        < page.index('id="reasoning"')
        < page.index('id="output"')
    )
    assert sample["reasoning"] == "Is it <b>one</b>?\n\nOr two?"
    assert sample["output"] == BOTH


def test_without_reasoning_in_the_output_it_stands_alone(world: Any) -> None:
    run = run_of(world, question="It is three.")
    client = client_of(world.ada)

    page = client.get(f"/runs/{run.pk}/samples/0/").content.decode()

    assert "Let me think." in fold(page, "reasoning-apart")
    assert 'id="reasoning"' not in page
    sample = client.get(f"/api/v1/runs/{run.pk}/samples/0").json()
    assert sample["reasoning"] == "Let me think."


def test_a_conversation_shows_that_of_its_last_answer(world: Any) -> None:
    follow_ups = '  follow_ups: ["Think: Second.", "Think: Third."]\n'
    run = run_of(
        world,
        DEFINITION.replace("sampling:", follow_ups + "sampling:"),
        question="Think: First.",
    )
    client = client_of(world.ada)

    sample = client.get(f"/api/v1/runs/{run.pk}/samples/0").json()

    assert len(sample["calls"]) == 3
    assert sample["reasoning"] == "Third."
    assert "Third." in fold(
        client.get(f"/runs/{run.pk}/samples/0/").content.decode(), "reasoning-apart"
    )


def test_long_reasoning_is_shortened_and_its_exchange_is_offered(world: Any) -> None:
    long = "hm " * 20_000
    run = run_of(world, question=f"Think: {long}.")
    client = client_of(world.ada)

    page = client.get(f"/runs/{run.pk}/samples/0/").content.decode()

    url = f"/runs/{run.pk}/samples/0/calls/0/"
    assert "Download the exchange with the whole reasoning" in fold(page, "reasoning-apart")
    assert url in fold(page, "reasoning-apart")
    assert long in client.get(url).content.decode()


def test_a_withheld_sample_shows_none(world: Any) -> None:
    run = run_of(world)
    withdraw_content(version=run.task_version, reason="It holds names.", by=world.ada)
    client = client_of(world.ada)

    page = client.get(f"/runs/{run.pk}/samples/0/")
    sample = client.get(f"/api/v1/runs/{run.pk}/samples/0")

    for response in (page, sample):
        assert response.status_code == 200
        assert "Is it" not in response.content.decode()
    assert sample.json()["reasoning"] == ""


def test_the_mark_of_the_sample_or_of_its_item_is_enough(world: Any) -> None:
    run = run_of(world)
    sample = Sample.objects.get(run=run)
    client = client_of(world.ada)

    for row in (sample, sample.item):
        rows = type(row).objects.filter(pk=row.pk)
        rows.update(withheld_at=run.created_at, withheld_reason="It holds names.")
        told = client.get(f"/api/v1/runs/{run.pk}/samples/0").json()["reasoning"]
        page = client.get(f"/runs/{run.pk}/samples/0/").content.decode()
        rows.update(withheld_at=None, withheld_reason="")
        assert "Is it" not in told
        assert 'id="reasoning-apart"' not in page


def test_it_costs_no_query(world: Any) -> None:
    with_reasoning = run_of(world)
    without = world.start(
        with_reasoning.task_version, world.contender_of(world.add_deployment("echo"))
    )
    world.work()
    client = client_of(world.ada)
    counts = []

    for run in (with_reasoning, with_reasoning, without):
        with CaptureQueriesContext(connection) as counted:
            page = client.get(f"/runs/{run.pk}/samples/0/").content.decode()
        assert ('id="reasoning-apart"' in page) == (run == with_reasoning)
        counts.append(len(counted))

    # The first page fills caches.
    assert counts[1] == counts[2]


@pytest.mark.browser
def test_it_opens_without_a_script_and_fits_a_phone(
    world: Any,
    browser_page: Any,
    new_page: Callable[..., Any],
    axe: Callable[[Any], None],
    sign_in: Callable[..., None],
) -> None:
    run = run_of(world)
    phone = new_page(width=360, javascript=False)
    for name, page in (("wide", browser_page), ("phone", phone)):
        sign_in(page, world.ada)
        page.goto(f"/runs/{run.pk}/samples/0/")
        assert not page.locator("#reasoning-apart").is_visible()
        page.get_by_text("Reasoning sent by the provider, not scored").click()
        assert page.locator("#reasoning-apart").inner_text().strip() == "Is it <b>one</b>?"
        if page is phone:
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
        else:
            axe(page)
        _shoot(page, f"reasoning-{name}")


def _shoot(page: Any, name: str) -> None:
    """Take pictures to look at in both themes, where a folder for them is named."""
    folder = os.environ.get("PLUMBMARK_SCREENSHOTS")
    if folder:
        for theme in in_each_theme(page):
            page.screenshot(path=Path(folder) / f"{name}-{theme}.png", full_page=True)
