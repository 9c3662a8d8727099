"""What boards promise: new versions keep rows, corrections have names, filters change no rank."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from plumbmark.common.errors import InvalidInput
from tests.factories import publish_benchmark, publish_task, rows, settle, submit
from tests.leaderboards.test_boards import enter, newest, row_of
from tests.tasks.authoring.test_pages import client_of

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1"


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="bob")


def text_of(visitor: Client, address: str) -> str:
    page = visitor.get(address, follow=True).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def next_version(user: Any, benchmark: Any, *versions: Any) -> Any:
    from benchmarks_app.actions import authoring

    draft = authoring.draft_of(benchmark=benchmark, by=user)
    authoring.compose_draft(
        version=draft, members=[authoring.Member(one, Decimal(1)) for one in versions], by=user
    )
    return authoring.publish_benchmark(version=draft, by=user)


def newer_version(user: Any, version: Any, *, title: str = "", definition: str = "") -> Any:
    """Publish the task's next version: other questions for another title."""
    from tasks_app.authoring import drafts, publication

    upload = None
    if title:
        lines = "\n".join(json.dumps(row) for row in rows(4, title))
        upload = SimpleUploadedFile("items.jsonl", lines.encode())
    drafts.save_draft(task=version.task, definition_text=definition or None, upload=upload, by=user)
    return publication.publish_task(task=version.task, by=user)


# --- A new version ----------------------------------------------------------------------------


def test_a_new_version_begins_with_the_rows_of_the_old_one(ada: Any) -> None:
    from benchmarks_app.actions.entries import invalidate_entry

    one, other = publish_task(ada, "One"), publish_task(ada, "Other")
    first = publish_benchmark(ada, [one])
    for name, right in (("good", 4), ("bad", 1)):
        enter(first, submit(ada, one, name, right), ada)
    cheat = enter(first, submit(ada, one, "cheat", 4), ada)
    invalidate_entry(entry=cheat, reason="It had seen the answers.", by=ada)
    submit(ada, other, "good", 2)
    settle()

    second = next_version(ada, first.benchmark, one, other)
    settle()

    assert row_of(second, "good")["score"]["value"] == pytest.approx(0.75)
    assert row_of(second, "good")["status"] == "ranked"
    assert row_of(second, "bad")["status"] == "incomplete"
    assert row_of(second, "bad")["reason"] == "Other: not run"
    assert row_of(second, "cheat")["reason"] == "It had seen the answers."


def test_the_old_board_is_shown_until_the_new_one_has_a_ranked_row(ada: Any) -> None:
    one, other = publish_task(ada, "One"), publish_task(ada, "Other")
    first = publish_benchmark(ada, [one])
    enter(first, submit(ada, one, "good", 4), ada)
    settle()
    second = next_version(ada, first.benchmark, other)
    settle()
    address = first.benchmark.get_absolute_url()

    for visitor in (Client(), client_of(ada)):
        page = text_of(visitor, address)
        assert "Version 2 is published. Until it has a ranked row, this page shows" in page
        assert "100.00 %" in page
    summary = Client().get(f"{API}/benchmarks/{first.benchmark.public_id}").json()
    assert (summary["latest_version"], summary["board_version"]) == (2, 1)
    for number, shown in ((1, "100.00 %"), (2, "Other: not run")):
        assert shown in text_of(Client(), f"{address}versions/{number}/")

    submit(ada, other, "good", 2)
    settle()

    page = text_of(Client(), address)
    assert "Until it has a ranked row" not in page
    assert "50.00 %" in page
    assert re.search(r"Version 2 Version 1", page)
    assert row_of(second, "good")["status"] == "ranked"


def test_carrying_rows_over_takes_as_many_queries_for_many_as_for_few(
    ada: Any, django_assert_max_num_queries: Any
) -> None:
    from benchmarks_app.actions.entries import carry_entries
    from benchmarks_app.models import BenchmarkVersion

    one = publish_task(ada, "One")
    first = publish_benchmark(ada, [one])
    for number in range(12):
        enter(first, submit(ada, one, f"model {number}", 1), ada)
    second = BenchmarkVersion.objects.create(
        benchmark=first.benchmark, number=2, created_by=ada, state="published"
    )

    with django_assert_max_num_queries(7):
        assert carry_entries(first, second) == 12


def test_a_newer_version_of_a_task_is_taken_with_one_click(ada: Any) -> None:
    old = publish_task(ada, "One")
    made = publish_benchmark(ada, [old])
    new = newer_version(ada, old, title="One more")
    visitor, address = client_of(ada), f"{made.benchmark.get_absolute_url()}edit/"
    page = visitor.get(address).content.decode()
    assert "Use version 2" in page
    form = dict(re.findall(r'name="([\w-]+)"[^>]*value="([^"]*)"', page))
    button = re.search(r'name="then"\s+value="(newer:[^"]+)"', page)
    assert button is not None
    fields = {name: value for name, value in form.items() if name not in {"publish", "visibility"}}

    answer = visitor.post(
        address,
        {
            **fields,
            "entry_policy": "first-declared",
            "entrants": "owner",
            "then": button[1],
        },
    )

    assert answer.status_code == 302, answer.content.decode()
    draft = made.benchmark.versions.get(state="draft")
    assert [one.task_version_id for one in draft.tasks.all()] == [new.pk]
    shown = visitor.get(f"{API}/benchmark-versions/{made.public_id}").json()["tasks"]
    assert [one["newer_version"] for one in shown] == [new.public_id]


def test_one_task_is_not_taken_in_two_versions(ada: Any) -> None:
    old = publish_task(ada, "One")
    new = newer_version(ada, old, title="One more")

    with pytest.raises(InvalidInput, match="version 2 of a task that is in the list as version 1"):
        publish_benchmark(ada, [old, new])


# --- Corrections ------------------------------------------------------------------------------


@pytest.mark.parametrize("is_staff", [False, True])
def test_a_correction_names_the_run_what_changed_who_and_why(
    ada: Any, bob: Any, open_account: Callable[..., Any], is_staff: bool
) -> None:
    from tasks_app.runs.control import invalidate_run

    by = open_account(handle="root-2", is_administrator=True) if is_staff else ada
    version = publish_task(ada)
    board = publish_benchmark(ada, [version])
    first = submit(ada, version, "model", 4)
    enter(board, first, ada)
    second = submit(ada, version, "model", 2)
    settle()

    invalidate_run(run=first, reason="The wrong prompt.", by=by)
    settle()

    address = board.benchmark.get_absolute_url()
    handle = by.namespace.handle
    change = f"Score 100.00 % → 50.00 %; counted run {first.pk} → run {second.pk}."
    for visitor in (Client(), client_of(bob), client_of(ada)):
        history = text_of(visitor, f"{address}history/")
        for said in (f"model run {first.pk}", change, "The wrong prompt.", f"@{handle}"):
            assert said in history, history
        assert ("who ran it" in history) is not is_staff
        (listed,) = visitor.get(f"{API}/benchmarks/{board.benchmark.public_id}/corrections").json()[
            "results"
        ]
        assert (listed["kind"], listed["row"], listed["run"]) == (
            "run-invalidated",
            "model",
            first.pk,
        )
        assert (listed["change"], listed["reason"]) == (change, "The wrong prompt.")
        assert listed["by"] == handle
        assert listed["before"] != listed["after"]


def test_the_board_says_that_a_later_attempt_counts_and_why(ada: Any) -> None:
    from tasks_app.runs.control import invalidate_run

    version = publish_task(ada)
    board = publish_benchmark(ada, [version])
    first = submit(ada, version, "model", 1)
    enter(board, first, ada)
    second = submit(ada, version, "model", 4)
    settle()
    address = board.benchmark.get_absolute_url()
    assert "a later attempt counts" not in text_of(Client(), address)

    invalidate_run(run=first, reason="Bad luck.", by=ada)
    settle()

    (cell,) = row_of(board, "model")["tasks"]
    assert cell["runs"] == [second.pk]
    assert cell["passed_over"] == [
        {"run": first.pk, "reason": "Bad luck.", "by": "ada", "by_its_owner": True}
    ]
    page = text_of(Client(), address)
    assert "a later attempt counts" in page
    assert re.search(rf"model {first.pk} Bad luck. @ada who ran it run {second.pk}", page)


def test_what_did_not_count_is_corrected_in_public_too(ada: Any) -> None:
    from leaderboards_app.models import Correction
    from tasks_app.runs.control import invalidate_run

    version = publish_task(ada)
    board = publish_benchmark(ada, [version])
    enter(board, submit(ada, version, "model", 1), ada)
    second = submit(ada, version, "model", 4)
    settle()
    before = newest(board)

    invalidate_run(run=second, reason="The wrong prompt.", by=ada)
    settle()

    correction = Correction.objects.get()
    assert correction.run == second
    assert correction.change == "Nothing changed in the row: what was corrected did not count."
    assert (correction.before, correction.after) == (before, newest(board))


# --- Rankings and filters ---------------------------------------------------------------------


def ranks_of(page: str) -> dict[str, str]:
    found = re.findall(r"<td>(?:<strong>)?([\d–]*)(?:</strong>)?<th scope=\"row\">([^<]+)<", page)
    return {name: rank for rank, name in found}


def test_filters_and_order_change_no_rank(board: Any) -> None:
    address = board.benchmark.get_absolute_url()
    whole = ranks_of(Client().get(address).content.decode())
    assert set(whole) == {"best", "mid &lt;b&gt;", "low"}

    for query in ("?maker=Lithos", "?q=low", "?sort=model", "?sort=-cost", "?scope=all&q=mid"):
        shown = ranks_of(Client().get(address + query).content.decode())
        assert shown
        assert {name: whole[name] for name in shown} == shown


def test_sentence_figure_and_counts_agree_with_the_filtered_table(board: Any) -> None:
    address = board.benchmark.get_absolute_url()
    whole, filtered = text_of(Client(), address), text_of(Client(), f"{address}?q=l")

    assert "Ranked rows 3" in whole
    assert "best leads with 98.33 %, significantly above every other row" in whole
    assert "Ranked rows 1 of 3" in filtered
    assert "best leads" not in filtered
    drawing = Client().get(f"{newest(board).get_absolute_url()}figure.svg?sort=model")
    assert "best leads with 98.33 %" in drawing.content.decode()


def test_the_two_rankings_are_offered_apart_from_the_filters(board: Any) -> None:
    page = Client().get(board.benchmark.get_absolute_url()).content.decode()
    tabs = re.search(r'<nav class="tabs" aria-label="Rankings">(.*?)</nav>', page, re.DOTALL)
    form = re.search(r'<form class="filters".*?</form>', page, re.DOTALL)

    assert tabs is not None
    assert form is not None
    assert re.findall(r"tabs__count\">(\d+)<", tabs[1]) == ["0", "3"]
    assert 'name="scope" value="all"' in form[0]
    assert "f-scope" not in page


def test_whoever_has_just_entered_sees_the_row(ada: Any) -> None:
    version = publish_task(ada)
    board = publish_benchmark(ada, [version])
    contender = submit(ada, version, "outsider", 3).contender
    settle()
    address = board.benchmark.get_absolute_url()

    answer = client_of(ada).post(f"{address}enter/", {"contender": contender.public_id})
    settle()

    assert answer.status_code == 302
    assert answer["Location"].endswith("versions/1/?scope=all#standings")
    assert "outsider" in text_of(client_of(ada), answer["Location"])
