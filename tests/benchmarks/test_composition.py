"""Writing a draft: search and tick, order and weigh, what is missing, and two editors at once."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from benchmarks_app.actions import authoring
from benchmarks_app.actions.authoring import Member
from benchmarks_app.composition.actions import DraftChanged, save_draft
from benchmarks_app.composition.publication import find_publication_problems, missing_parts
from benchmarks_app.composition.queries import candidate_versions, fingerprint_of
from benchmarks_app.models import BenchmarkVersion
from benchmarks_app.queries import members_of
from plumbmark.accounts.models import Membership, Namespace
from tests.factories import CARD, publish_task

pytestmark = pytest.mark.django_db(transaction=True)
EDIT = "/benchmarks/ada/world/edit/"


@pytest.fixture(autouse=True)
def _gateway_ends() -> Iterator[None]:
    yield
    from plumbmark.gateway.calls import runtime

    runtime.shutdown()


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


@pytest.fixture
def signed_in(ada: Any, client: Client) -> Client:
    client.force_login(ada)
    return client


def draft(user: Any, *titles: str) -> Any:
    benchmark = authoring.create_benchmark(
        namespace=user.namespace, title="World", claim="A claim.", by=user
    )
    version = authoring.draft_of(benchmark=benchmark, by=user)
    members = [Member(publish_task(user, title, items=1)) for title in titles]
    return authoring.compose_draft(version=version, members=members, by=user)


def form_of(version: Any, **changes: str) -> dict[str, Any]:
    """Return what a browser sends."""
    members = list(members_of(version))
    fields: dict[str, Any] = {
        "fingerprint": fingerprint_of(version, members),
        "title": "World",
        "claim": "A claim.",
        "tags": "",
        "entry_policy": "first-declared",
        "entrants": "owner",
        "unscored_allowed": "0.01",
        "member": [one.task_version.public_id for one in members],
    }
    for one in members:
        fields[f"member-{one.task_version.public_id}-weight"] = str(one.weight.normalize())
    return {**fields, **changes}


def titles(version: Any) -> list[str]:
    return [one.task_version.task.title for one in members_of(version)]


def test_tasks_are_searched_by_words_and_by_whose_they_are(
    ada: Any, open_account: Callable[..., Any]
) -> None:
    bob = open_account(handle="bob")
    team = Namespace.objects.create(handle="crew", kind="team")
    for user in (ada, bob):
        Membership.objects.create(namespace=team, user=user, role="maintainer")
    for user, title, visibility in (
        (ada, "Sums of ada", "private"),
        (bob, "Sums of bob", "public"),
        (bob, "Secret sums", "private"),
    ):
        publish_task(user, title, items=1, visibility=visibility)
    shared = publish_task(bob, "Sums of the crew", items=1, visibility="private")
    shared.task.namespace = team
    shared.task.save()

    def found(**given: Any) -> list[str]:
        return [one.task.title for one in candidate_versions(to=ada, **given)]

    assert found() == ["Sums of ada", "Sums of bob", "Sums of the crew"]
    assert found(scope="mine") == ["Sums of ada"]
    assert found(scope="teams") == ["Sums of the crew"]
    assert found(scope="public") == ["Sums of bob"]
    assert found(words="bob sums") == ["Sums of bob"]


def test_ticking_adds_and_saves_what_was_typed_too(ada: Any, signed_in: Client) -> None:
    version = draft(ada, "One")
    other, third = publish_task(ada, "Two", items=1), publish_task(ada, "Three", items=1)

    answer = signed_in.post(
        EDIT,
        form_of(version, claim="Typed.", add=[other.public_id, third.public_id], then="add"),  # type: ignore[arg-type]
    )

    assert answer.status_code == 302
    version.refresh_from_db()
    assert titles(version) == ["One", "Two", "Three"]
    assert version.benchmark.claim == "Typed."


def test_what_is_typed_stays_where_a_search_or_a_mistake_comes_first(
    ada: Any, signed_in: Client
) -> None:
    version = draft(ada, "One")
    other = publish_task(ada, "Findable", items=1)
    [one] = members_of(version)
    weight = f"member-{one.task_version.public_id}-weight"

    searched = signed_in.post(
        EDIT, form_of(version, claim="Half a thou", q="find", then="search", **{weight: "0"})
    )
    assert searched.status_code == 200
    page = searched.content.decode()
    assert 'value="Half a thou"' in page
    assert "Findable" in page
    assert "Must be more than 0" not in page

    refused = signed_in.post(
        EDIT, form_of(version, claim="Kept", add=other.public_id, then="add", **{weight: "0"})
    )
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "Must be more than 0" in page
    assert 'value="Kept"' in page
    assert f'id="member-{other.public_id}"' in page
    assert titles(version) == ["One"]


def test_rows_move_without_javascript_and_stay_there_once_saved(
    ada: Any, signed_in: Client
) -> None:
    version = draft(ada, "One", "Two", "Three")
    first, second, third = (one.task_version.public_id for one in members_of(version))

    moved = signed_in.post(EDIT, form_of(version, then=f"up:{third}")).content.decode()
    order = [part.split('"')[0] for part in moved.split('name="member" value="')[1:]]
    assert order == [first, third, second]
    assert titles(version) == ["One", "Two", "Three"]
    assert "not saved yet" in moved

    signed_in.post(EDIT, form_of(version, member=order))  # type: ignore[arg-type]
    assert titles(version) == ["One", "Three", "Two"]


def test_the_sum_and_the_shares_are_shown(ada: Any, signed_in: Client) -> None:
    version = draft(ada)
    versions = [publish_task(ada, title, items=1) for title in ("One", "Two")]
    authoring.compose_draft(
        version=version,
        members=[
            Member(versions[0], Decimal("1.5"), group="Easy"),
            Member(versions[1], Decimal("0.5")),
        ],
        by=ada,
    )

    page = signed_in.get(EDIT).content.decode()

    assert ">2</output>" in page
    assert "75.0 %" in page
    assert "Easy: <b>75.0 %</b>" in page


def test_what_is_missing_is_what_publication_says_and_each_entry_leads_to_its_field(
    ada: Any, signed_in: Client
) -> None:
    version = draft(ada, "One", "Two")
    version.benchmark.claim = ""
    version.benchmark.save()
    [one, _two] = list(members_of(version))
    one.task_version.task.visibility = "private"
    one.task_version.task.save()

    members = list(members_of(version))
    parts = missing_parts(version, members)
    problems = find_publication_problems(version, members, visibility="public")
    assert [part.path for part in parts] == [problem.path for problem in problems]

    page = signed_in.get(EDIT).content.decode()
    for part in parts:
        assert f'href="#{part.anchor}"' in page
        assert f'id="{part.anchor}"' in page
    assert len(parts) == 8

    authoring.compose_draft(version=version, card=CARD, by=ada)
    assert [part.path for part in missing_parts(version, members)] == ["claim", "tasks[0]"]


def test_the_second_of_two_editors_loses_nothing_and_sees_the_other_text(
    ada: Any, signed_in: Client
) -> None:
    version = draft(ada, "One")
    mine = form_of(version, claim="Mine.")
    theirs = publish_task(ada, "Theirs", items=1)
    assert signed_in.post(EDIT, form_of(version, claim="Theirs.", add=theirs.public_id)).url == EDIT

    answer = signed_in.post(EDIT, mine)

    assert answer.status_code == 409
    page = answer.content.decode()
    assert "In the meantime ada saved this draft" in page
    assert 'value="Mine."' in page
    assert "<dd>\n          Theirs." in page or "Theirs." in page.split("draft-differences")[1]
    version.benchmark.refresh_from_db()
    assert version.benchmark.claim == "Theirs."

    fresh = page.split('name="fingerprint" value="')[1].split('"')[0]
    assert signed_in.post(EDIT, {**mine, "fingerprint": fresh}).status_code == 302
    version.benchmark.refresh_from_db()
    assert version.benchmark.claim == "Mine."


def test_a_stale_fingerprint_saves_nothing(ada: Any) -> None:
    version = draft(ada, "One")
    with pytest.raises(DraftChanged):
        save_draft(
            version=version,
            fingerprint="0" * 16,
            facts={"title": "Another"},
            content={"notes": "n"},
            by=ada,
        )
    assert BenchmarkVersion.objects.get().notes == ""
    version.benchmark.refresh_from_db()
    assert version.benchmark.title == "World"


def test_a_form_that_is_sent_after_the_session_has_ended_waits_for_the_sign_in(
    ada: Any, client: Client
) -> None:
    version = draft(ada, "One")

    away = client.post(EDIT, form_of(version, claim="Typed without a session."))
    assert away.status_code == 302
    back = away["Location"].split("next=")[1]
    client.force_login(ada)
    from urllib.parse import unquote

    page = client.get(unquote(back)).content.decode()

    assert "Typed without a session." in page
    assert "it is not saved yet" in page
    version.benchmark.refresh_from_db()
    assert version.benchmark.claim == "A claim."


def test_an_odd_request_is_no_error(ada: Any, signed_in: Client) -> None:
    version = draft(ada, "One")
    odd = {"member": ["nonsense", "x" * 500], "then": "up:nobody", "add": "nothing", "page": "-1"}
    assert signed_in.post(EDIT, form_of(version, **odd)).status_code == 200  # type: ignore[arg-type]
    assert signed_in.get(f"{EDIT}?page=x&scope=moon&q={'y' * 300}&kept=none").status_code == 200


def test_the_editor_costs_the_same_however_many_tasks_there_are(
    ada: Any, signed_in: Client, django_assert_max_num_queries: Any
) -> None:
    draft(ada, *(f"Task {number}" for number in range(12)))
    with django_assert_max_num_queries(8):
        assert signed_in.get(EDIT).status_code == 200


def test_the_api_lists_what_is_missing_and_refuses_a_stale_draft(
    ada: Any, signed_in: Client
) -> None:
    version = draft(ada, "One")
    address = f"/api/v1/benchmarks/{version.benchmark.public_id}/draft"

    problems = signed_in.get(f"{address}/problems").json()
    assert {one["path"] for one in problems} == {f"card.{key}" for key in CARD}

    fingerprint = signed_in.get(address).json()["fingerprint"]
    first = signed_in.put(
        address, {"notes": "a", "fingerprint": fingerprint}, content_type="application/json"
    )
    second = signed_in.put(
        address, {"notes": "b", "fingerprint": fingerprint}, content_type="application/json"
    )
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.json()["code"] == "draft-changed"


@pytest.mark.browser
def test_rows_move_and_the_list_of_what_is_missing_shrinks_in_the_browser(
    ada: Any, new_page: Callable[..., Any], sign_in: Callable[..., None]
) -> None:
    draft(ada, "One", "Two")
    page = new_page()
    sign_in(page, ada)
    page.goto(EDIT)

    up = page.get_by_role("button", name="Move Two up")
    up.press("Enter")
    assert page.locator("tr[data-row] th").first.inner_text().startswith("Two")
    assert up.evaluate("button => button === document.activeElement")

    page.locator("input[name$=-weight]").first.fill("3")
    assert page.locator("[data-share]").all_inner_texts() == ["75.0 %", "25.0 %"]
    assert page.locator("[data-total]").inner_text() == "4"

    listed = page.locator("[data-missing] li:visible")
    assert listed.count() == 6
    page.locator("textarea[name=card_limits]").fill("Some.")
    assert listed.count() == 5

    page.get_by_role("button", name="Save the draft").last.click()
    page.get_by_text("The draft is saved.").wait_for()
    assert page.locator("tr[data-row] th").first.inner_text().startswith("Two")


def test_contributors_are_on_the_board_and_only_the_owners_accounts_are_linked(
    ada: Any, signed_in: Client, open_account: Callable[..., Any]
) -> None:
    open_account(handle="eve")
    version = draft(ada, "One")
    credited = "Ada Lovelace @ada: wrote the items\n\nEve <b>Nobody</b>"
    authoring.compose_draft(version=version, card=CARD, contributors=credited, by=ada)
    refused = signed_in.post(EDIT, form_of(version, contributors="Ada\nEve @eve: all of it"))
    assert refused.status_code == 422
    assert "links @eve" in refused.content.decode()

    authoring.publish_benchmark(version=version, by=ada)
    board = signed_in.get("/benchmarks/ada/world/").content.decode()
    assert ">Ada Lovelace</a>" in board
    assert "Eve &lt;b&gt;Nobody&lt;/b&gt;" in board
    assert authoring.draft_of(benchmark=version.benchmark, by=ada).contributors == credited
