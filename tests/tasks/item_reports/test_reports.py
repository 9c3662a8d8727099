"""Reporting items, deciding reports, and who may see them; pages and API."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from tasks_app.item_reports import actions
from tasks_app.item_reports.targets import clean_target, read_target
from tests.factories import DEFINITION, publish_task, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="bob")


@pytest.fixture
def version(ada: Any) -> Any:
    return publish_task(ada)


def report(version: Any, by: Any, key: str = "i1", **changes: Any) -> Any:
    values = {"kind": "wrong-key", "reason": "Look.", "proposed": None, **changes}
    return actions.report_item(version=version, item=version.items.get(key=key), by=by, **values)


def address(version: Any, position: int = 1) -> str:
    return f"{version.get_absolute_url()}items/{position}/report/"


def test_a_reader_reports_an_item_on_its_page(version: Any, bob: Any, client: Any) -> None:
    from plumbmark.accounts.models import Notice
    from tasks_app.models import ItemReport

    assert client.get(address(version)).status_code == 302
    client.force_login(bob)
    assert "say 1" in client.get(address(version)).content.decode()
    empty = client.post(address(version), {"kind": "wrong-key"})
    assert empty.status_code == 422
    body = {"kind": "ambiguous", "reason": "<script>x</script> **why**", "proposed": "1\none"}
    response = client.post(address(version), body)

    made = ItemReport.objects.get()
    assert response["Location"] == made.get_absolute_url()
    assert (made.kind, made.status, made.proposed) == ("ambiguous", "open", ["1", "one"])
    page = client.get(made.get_absolute_url()).content.decode()
    assert "<script>x" not in page
    assert "<strong>why</strong>" in page
    notice = Notice.objects.get()
    assert notice.to == version.task.created_by.email
    assert made.get_absolute_url() in notice.body


def test_the_author_sees_what_waits_and_decides_on_the_page(
    version: Any, ada: Any, bob: Any, client: Any
) -> None:
    made = report(version, bob, proposed="one")
    task_page = version.task.get_absolute_url()
    assert "1 open report" not in client.get(task_page).content.decode()
    client.force_login(ada)
    assert "1 open report" in client.get(task_page).content.decode()
    assert made.get_absolute_url() in client.get("/people/ada/").content.decode()
    page = client.get(made.get_absolute_url()).content.decode()
    assert "It costs nothing." in page

    url = f"{made.get_absolute_url()}decide/"
    wrong = client.post(url, {"decision": "accept", "target": "1"})
    assert wrong.status_code == 422
    assert "has already" in wrong.content.decode()
    assert client.post(url, {"decision": "accept", "target": "one"}).status_code == 302
    made.refresh_from_db()
    assert (made.status, made.key_before, made.key_after) == ("accepted", "1", "one")
    assert made.resulting_version.number == 2
    assert client.post(url, {"decision": "decline", "note": "No."}).status_code == 409
    assert client.post(url, {"decision": "other"}).status_code == 404


def test_a_report_is_declined_with_a_note_and_withdrawn_by_its_author_alone(
    version: Any, ada: Any, bob: Any
) -> None:
    made = report(version, bob)
    with pytest.raises(NotAllowed):
        actions.decline_report(report=made, note="No.", by=bob)
    with pytest.raises(NotAllowed):
        actions.withdraw_report(report=made, by=ada)
    with pytest.raises(InvalidInput, match="say why"):
        actions.decline_report(report=made, note=" ", by=ada)
    actions.decline_report(report=made, note="It is right.", by=ada)
    with pytest.raises(Conflict):
        actions.withdraw_report(report=made, by=bob)
    second = report(version, bob)
    with pytest.raises(Conflict, match="already"):
        report(version, bob)
    actions.withdraw_report(report=second, by=bob)
    assert second.status == "withdrawn"


def test_a_person_makes_so_many_reports_in_a_day(
    version: Any, bob: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MAX_REPORTS_A_DAY", 2)
    report(version, bob, "i0")
    report(version, bob, "i1")
    with pytest.raises(actions.TooManyReports):
        report(version, bob, "i2")


def test_a_key_that_no_answer_could_match_makes_no_version(ada: Any, bob: Any) -> None:
    version = publish_task(ada, definition=DEFINITION.replace("exact", "numeric"))
    made = report(version, bob)
    with pytest.raises(InvalidInput):
        actions.accept_report(report=made, target="no number", by=ada)
    assert version.task.versions.count() == 1
    made.refresh_from_db()
    assert made.is_open


def test_two_who_accept_at_once_make_one_version(version: Any, ada: Any, bob: Any) -> None:
    from tasks_app.models import ItemReport

    made = report(version, bob)
    other = ItemReport.objects.select_related("version__task", "item").get(pk=made.pk)
    actions.accept_report(report=made, target="one", by=ada)
    with pytest.raises((Conflict, InvalidInput)):
        actions.accept_report(report=other, target="uno", by=ada)
    assert list(version.task.versions.order_by("number").values_list("number", flat=True)) == [1, 2]


def test_the_api_reports_lists_accepts_and_refuses(
    version: Any, ada: Any, bob: Any, client: Any
) -> None:
    url = f"/api/v1/task-versions/{version.public_id}/items/1/reports"
    body = {"kind": "wrong-key", "reason": "It is one.", "proposed": "one"}
    assert client.post(url, body, content_type="application/json").status_code == 401
    client.force_login(bob)
    made = client.post(url, body, content_type="application/json")
    assert made.status_code == 201, made.content
    again = client.post(url, body, content_type="application/json")
    assert again.status_code == 409
    bad = client.post(url, {**body, "proposed": {"a": 1}}, content_type="application/json")
    assert bad.status_code == 422
    report_url = f"/api/v1/item-reports/{made.json()['id']}"
    assert client.post(f"{report_url}/accept", {"target": "one"}).status_code in {403, 415}
    assert client.get(f"{report_url}/scope").status_code == 403
    listed = client.get(f"/api/v1/tasks/{version.task.public_id}/item-reports").json()["results"]
    assert [one["item"] for one in listed] == ["i1"]

    client.force_login(ada)
    assert client.get(f"{report_url}/scope").json() == {
        "runs": 0,
        "outputs": 0,
        "needs_sandbox": False,
        "judges_cost": None,
    }
    done = client.post(f"{report_url}/accept", {"target": "one"}, content_type="application/json")
    assert done.status_code == 200, done.content
    assert (done.json()["status"], done.json()["key_after"]) == ("accepted", "one")


def test_reports_of_private_items_are_the_authors_alone(ada: Any, bob: Any, client: Any) -> None:
    data = [{**row, "part": "private" if row["id"] == "i1" else "public"} for row in rows(4)]
    definition = DEFINITION.replace(
        "target: answer}", "target: answer, split: {column: part, private: [private]}}"
    )
    version = publish_task(ada, data=data, definition=definition)
    made = report(version, ada)
    client.force_login(bob)
    api = f"/api/v1/task-versions/{version.public_id}/items/1/reports"
    body = {"kind": "other", "reason": "x"}
    assert client.get(address(version)).status_code == 404
    assert client.post(api, body, content_type="application/json").status_code == 404
    assert client.get(made.get_absolute_url()).status_code == 404
    listed = client.get(f"/api/v1/tasks/{version.task.public_id}/item-reports").json()
    assert listed["results"] == []
    page = client.get(f"{version.task.get_absolute_url()}reports/").content.decode()
    # As a word: tokens of forms are made of any letters.
    assert re.search(r"\bi1\b", page) is None
    client.force_login(ada)
    assert client.get(made.get_absolute_url()).status_code == 200


def test_the_list_takes_the_same_queries_for_one_report_and_for_many(
    version: Any, bob: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(4):
        report(version, bob, f"i{number}")
    with django_assert_max_num_queries(6):
        client.get(f"{version.task.get_absolute_url()}reports/")


@pytest.mark.parametrize(
    ("text", "like", "expected"),
    [
        ("3", "x", "3"),
        ("3\n\n 4 ", "x", ["3", "4"]),
        ("3", 5, 3),
        ("-2.5", [1, 2], -2.5),
        ("1_000", 5, "1_000"),
        ("nan", 5, "nan"),
        (" \n", "x", None),
    ],
)
def test_lines_of_a_form_are_read_as_a_key(text: str, like: Any, expected: Any) -> None:
    found = read_target(text, like)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("value", [[], [""], True, [None], {"a": 1}, "x" * 5000, "a\x00", "\ud800"])
def test_what_is_no_key_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput):
        clean_target(value)


@pytest.mark.django_db(transaction=True)
def test_the_button_scores_what_has_no_score_and_all_again(
    version: Any, ada: Any, bob: Any, client: Any
) -> None:
    from tasks_app.jobs import work
    from tasks_app.models import Scoring
    from tests.factories import submit

    submit(ada, version, "model", 2)
    while work() != "nothing due":
        pass
    url = f"{version.get_absolute_url()}rescore/"
    client.force_login(bob)
    assert client.get(url).status_code == 403
    client.force_login(ada)
    page = client.get(url).content.decode()
    assert "There are none" in page
    assert "It costs nothing." in page
    client.post(url)
    assert Scoring.objects.count() == 1
    client.post(url, {"again": "1"})
    client.post(url, {"again": "1"})
    assert Scoring.objects.count() == 2
