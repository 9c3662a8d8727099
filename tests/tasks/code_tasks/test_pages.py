"""The pages of a run of code in a real browser: report, long output, files."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tasks_app.code_tasks.queries import LOG_CHUNK, log_ends, log_of, whole_log
from tasks_app.models import LogChunk, Run, Sample
from tasks_app.workers import sandbox as sandboxing
from tests.tasks.code_tasks.test_runs import ASKING, published, ran
from tests.tasks.code_tasks.test_runs import log_of as text_of
from tests.themes import in_each_theme

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not sandboxing.is_here(), reason="no sandbox holds on this machine"),
]

TALKING = """
import json
for n in range(20_000):
    print(f"line {n:06d} <b>")
json.dump({"plumbmark": 1, "score": 0.5}, open("plumbmark.result.json", "w"))
"""


def shot(page: Any, name: str) -> None:
    """Take pictures to look at in both themes, where a folder for them is named."""
    folder = os.environ.get("PLUMBMARK_SCREENSHOTS")
    if folder:
        for theme in in_each_theme(page):
            # The pages of an output are too long for a picture.
            path = Path(folder) / f"{name}-{theme}.png"
            page.screenshot(path=path, full_page="output" not in name)


def talked(world: Any) -> Run:
    """Return a run that wrote 380,000 characters."""
    run = ran(world, published(world, TALKING), purpose="declared")
    assert run.state == Run.State.COMPLETED, (run.failure, text_of(run))
    return run


def test_a_long_output_is_shown_by_its_ends_and_read_page_by_page(
    world: Any, gateway: None, django_assert_max_num_queries: Any
) -> None:
    run = talked(world)
    whole = whole_log(run)
    assert whole == "".join(f"line {n:06d} <b>\n" for n in range(20_000))
    sizes = [len(text) for text in LogChunk.objects.values_list("text", flat=True)]
    assert max(sizes) <= LOG_CHUNK

    ends = log_ends(run, first=8_000, last=40_000)
    assert whole.startswith(ends.first)
    assert whole.endswith(ends.last)
    assert len(ends.first) + ends.omitted + len(ends.last) == len(whole)
    assert ends.is_over

    client = Client()
    with django_assert_max_num_queries(8):
        page = client.get(run.get_absolute_url()).content.decode()
    assert len(page) < 200_000
    assert "line 000000" in page
    assert "line 019999" in page
    assert "line 010000" not in page
    assert f"{ends.omitted:,} characters are omitted here" in page
    assert ends.first.endswith("\n")
    assert ends.last.startswith("line ")

    read, url = "", f"/runs/{run.pk}/output/"
    pages = 0
    while url:
        answer = client.get(url)
        assert len(answer.content) < 300_000
        read += answer.context["text"]
        later = answer.context["later"]
        url = f"/runs/{run.pk}/output/?start={later}" if later is not None else ""
        pages += 1
    assert read == whole
    assert pages > 2
    last = client.get(f"/runs/{run.pk}/output/?start={answer.request['QUERY_STRING'][6:]}")
    assert last.context["earlier"] is not None
    file = client.get(f"/runs/{run.pk}/output.txt")
    assert file["Content-Disposition"].startswith("attachment")
    assert file.content.decode() == whole
    assert client.get(f"/runs/{run.pk}/output/?start=x").status_code == 404
    assert client.get(f"/runs/{run.pk}/output/?start=99999").status_code == 200


def test_the_api_gives_a_long_output_piece_by_piece(world: Any, gateway: None) -> None:
    run = talked(world)
    LogChunk.objects.filter(run=run, position=0).update(text="x" * 700_000)
    client = Client()

    first = client.get(f"/api/v1/runs/{run.pk}/log").json()
    assert len(first["text"]) <= 500_000
    assert not first["is_over"]
    rest = client.get(f"/api/v1/runs/{run.pk}/log?start={first['next']}").json()
    assert rest["is_over"]
    assert rest["text"].endswith("line 019999 <b>\n")


def test_a_short_output_stands_whole(world: Any, gateway: None) -> None:
    run = ran(world, published(world, TALKING.replace("20_000", "3")))

    ends = log_ends(run, first=8_000, last=40_000)

    assert (ends.first, ends.last, ends.omitted) == (whole_log(run), "", 0)
    assert log_of(run).is_over


def test_the_items_that_a_program_tells_stand_on_its_samples_page(
    world: Any, gateway: None
) -> None:
    code = ASKING + (
        "finish(samples=[{'id': f'<q{n}>', 'score': None if n == 2 else n < 1, 'output': 'o<i>',\n"
        "  'assertions': [{'name': 'right', 'passed': n < 1}]} for n in range(3)])\n"
    )
    run = ran(world, published(world, code), purpose="declared")

    page = Client().get(f"/runs/{run.pk}/samples/0/").content.decode()

    assert "3 items reported by the program" in page
    assert "&lt;q0&gt;" in page
    assert "o&lt;i&gt;" in page
    assert page.count('<span class="muted">unscored</span>') == 1
    assert "Withheld" not in page
    assert "Right answer" not in page
    assert "Checks of the program" in page


def test_an_output_that_stands_in_the_conversation_is_not_shown_twice(
    world: Any, gateway: None
) -> None:
    run = ran(world, published(world, TALKING.replace("20_000", "3")), purpose="declared")
    talk = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "the answer"}]
    samples = Sample.objects.filter(run=run)
    title = "Output reported by the program"

    samples.update(messages=talk, output="the answer")
    same = Client().get(f"/runs/{run.pk}/samples/0/").content.decode()
    samples.update(output="another")
    other = Client().get(f"/runs/{run.pk}/samples/0/").content.decode()

    assert "the answer" in same
    assert title not in same
    assert title in other


@pytest.mark.browser
def test_the_pages_of_a_run_of_code_are_accessible_and_fit_a_phone(
    world: Any,
    gateway: None,
    browser_page: Any,
    new_page: Callable[..., Any],
    axe: Callable[[Any], None],
) -> None:
    world.add_deployment("always-500", deadline=1.0)
    code = ASKING + (
        "import urllib.error\n"
        "for n in range(2):\n"
        "    try:\n"
        "        ask('What is 1+1?')\n"
        "    except urllib.error.HTTPError as error:\n"
        "        print('swallowed', error)\n"
        "for n in range(900):\n"
        "    print(f'line {n}', 'x' * 90)\n"
        "open('notes.txt', 'w').write('kept')\n"
        "open('a-very-long-name-of-a-file-that-nobody-would-want-to-read-but-somebody-wrote.txt', "
        "'w').write('kept')\n"
        "finish(samples=[{'id': f'q{n}', 'score': n < 7, 'assertions': "
        "[{'name': 'right', 'passed': n < 7}]} for n in range(10)])\n"
    )
    from plumbmark.gateway.models import Deployment

    contender = world.contender_of(Deployment.objects.get(slug="fake/always-500"))
    run = ran(world, published(world, code), contender=contender, purpose="declared")
    assert run.state == Run.State.COMPLETED, (run.failure, text_of(run))
    faulty = "name = 'plumbmark.result.json'\nvalues = []\nvalues[3]\n"
    failed = ran(world, published(world, faulty), purpose="declared")
    assert failed.state == Run.State.FAILED

    for name, path in (
        ("run", run.get_absolute_url()),
        ("output", f"/runs/{run.pk}/output/"),
        ("failed", failed.get_absolute_url()),
        ("sample", f"/runs/{run.pk}/samples/0/"),
    ):
        browser_page.goto(path)
        axe(browser_page)
        shot(browser_page, f"code-{name}")
        phone = new_page(width=360)
        phone.goto(path)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 360, path
        shot(phone, f"code-{name}-phone")


@pytest.mark.browser
def test_the_output_is_followed_while_it_comes(
    world: Any, gateway: None, new_page: Callable[..., Any], sign_in: Callable[..., None]
) -> None:
    run = world.start(published(world, TALKING), purpose="declared")
    LogChunk.objects.create(run=run, position=0, text="first <b>\nsec")
    page = new_page()
    sign_in(page, world.ada)
    page.goto(run.get_absolute_url())
    log = page.locator(".program-log pre")

    LogChunk.objects.create(run=run, position=1, text="ond\n" + "more\n" * 200 + "  last")
    log.get_by_text("last").wait_for()

    assert log.count() == 1
    assert log.text_content() == "first <b>\nsecond\n" + "more\n" * 200 + "  last"
    box = page.locator(".program-log")
    # It stays at the end while more comes.
    assert box.evaluate("one => one.scrollHeight > one.clientHeight && one.scrollTop === 0")
