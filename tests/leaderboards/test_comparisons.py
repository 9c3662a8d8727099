"""Runs side by side: numbers, items, and what nobody may see or break."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from plumbmark.scoring.comparison import compare_rows
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import Metric
from tests.factories import publish_task, settle
from tests.leaderboards.comparing import (
    SLICED,
    make_private,
    publish_sliced,
    sliced_rows,
    submit_outputs_of,
)
from tests.tasks.authoring.test_pages import client_of

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1/comparisons"
MAX_QUERIES = 8


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="bob")


@pytest.fixture
def version(ada: Any) -> Any:
    return publish_sliced(ada)


@pytest.fixture
def pair(ada: Any, version: Any) -> tuple[Any, Any]:
    """Return two runs: of 40 items the first has 0 … 29 right and the second 5 … 19."""
    first = submit_outputs_of(ada, version, "first", range(30))
    second = submit_outputs_of(ada, version, "second", range(5, 20))
    settle()
    return first, second


def page_of(address: str, client: Client | None = None, status: int = 200) -> str:
    answer = (client or Client()).get(address)
    assert answer.status_code == status, address
    return answer.content.decode()


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def address(*runs: Any, **query: str) -> str:
    further = "".join(f"&{name}={value}" for name, value in query.items())
    return f"/compare/?runs={','.join(str(run.pk) for run in runs)}{further}"


# --- Numbers --------------------------------------------------------------------------------------


def test_a_pair_has_the_numbers_of_the_statistics(pair: tuple[Any, Any]) -> None:
    first, second = pair
    rows = [
        {f"i{n}": ItemScore((float(n in right),)) for n in range(40)}
        for right in (range(30), range(5, 20))
    ]
    expected = compare_rows(*rows, Metric())

    found = Client().get(f"{API}?runs={first.pk},{second.pk}").json()

    (one,) = found["pairs"]
    assert (one["first"], one["second"]) == (first.pk, second.pk)
    result = one["result"]
    assert result["difference"] == pytest.approx(15 / 40)
    assert result["p_value"] == pytest.approx(expected.p_value)
    assert (result["low"], result["high"]) == (expected.low, expected.high)
    assert result["detectable"] == pytest.approx(expected.detectable)
    assert (result["first_better"], result["ties"], result["second_better"]) == (15, 25, 0)
    assert found["adjusted"] is False


def test_the_page_says_what_the_test_says(pair: tuple[Any, Any]) -> None:
    text = text_of(page_of(address(*pair)))

    assert "Taken alone, A (first) scores higher than B (second) (p &lt; 0.001)." in text
    assert "+37.50 points" in text
    assert "15 · 25 · 0" in text
    assert "of 40 common items" in text
    assert "Unadjusted" in text


def test_a_tie_is_explained_by_its_interval_and_by_what_could_be_found(
    ada: Any, version: Any, pair: tuple[Any, Any]
) -> None:
    near = submit_outputs_of(ada, version, "near", range(1, 30))
    settle()

    text = text_of(page_of(address(pair[0], near)))

    assert "They are a tie: the interval of the difference," in text
    assert "contains 0. With 40 items in common, a true difference of" in text
    assert "points is found in four of five comparisons" in text


def test_slices_have_their_own_tests(pair: tuple[Any, Any]) -> None:
    (column,) = Client().get(f"{API}?runs={pair[0].pk},{pair[1].pk}").json()["slices"]

    by_value = {one["value"]: one for one in column["values"]}
    assert by_value["even"]["result"]["n_common"] == 20
    # Even: 0, 2, 4 and 20 … 28; odd: 1, 3 and 21 … 29.
    assert by_value["even"]["result"]["first_better"] == 8
    assert by_value["odd"]["result"]["first_better"] == 7
    assert by_value["odd"]["few_items"] is True
    assert "few items" in page_of(address(*pair))


def test_six_runs_give_fifteen_pairs_and_a_matrix(ada: Any, version: Any) -> None:
    runs = [submit_outputs_of(ada, version, f"m{n}", range(5 * n)) for n in range(6)]
    settle()

    found = Client().get(f"{API}?runs={','.join(str(run.pk) for run in runs)}").json()
    page = page_of(address(*runs, pair=f"{runs[4].pk},{runs[1].pk}"))

    assert len(found["pairs"]) == 15
    assert "E against B" in page
    assert "+37.50" in page
    assert page.count("<tr>") > 12


def test_repeated_names_of_runs_and_one_run_offer_a_choice(pair: tuple[Any, Any]) -> None:
    first, second = pair
    page = page_of(f"/compare/?runs={first.pk}")
    chosen = page_of(f"/compare/?runs={first.pk}&runs={second.pk}")

    assert f'name="runs" value="{second.pk}"' in page
    assert "A against B" in chosen
    assert f'value="{second.pk}" checked' in page_of(f"{address(*pair)}&pick=1")


# --- Items ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "count"),
    [("a", 15), ("b", 0), ("differ", 15), ("right", 15), ("wrong", 10), ("all", 40)],
)
def test_items_are_filtered_by_who_is_right(pair: tuple[Any, Any], shown: str, count: int) -> None:
    runs = f"runs={pair[0].pk},{pair[1].pk}"

    found = Client().get(f"{API}/items?{runs}&show={shown}").json()
    page = page_of(address(*pair, show=shown))

    assert found["count"] == count
    keys = [one["key"] for one in found["results"]]
    assert all(f">{key}</a>" in page for key in keys)
    assert len(re.findall(r'href="/compare/items/', page)) == count


def test_items_come_in_pages(pair: tuple[Any, Any]) -> None:
    runs = f"{API}/items?runs={pair[0].pk},{pair[1].pk}&show=all&limit=30"

    one, other = Client().get(runs).json(), Client().get(f"{runs}&start=30").json()

    assert (one["next_start"], other["next_start"]) == (30, None)
    assert [item["position"] for item in one["results"] + other["results"]] == list(range(40))


def test_two_answers_have_their_differing_words_marked(ada: Any, version: Any) -> None:
    said = {3: "The sum is three, I think.", 4: "Two", 5: "<b>x</b> & y"}
    other = {3: "The sum is four, I think.", 4: "Two", 5: "<b>x</b> & z"}
    runs = [
        submit_outputs_of(ada, version, name, (), words)
        for name, words in (("one", said), ("two", other))
    ]
    settle()
    query = f"runs={runs[0].pk},{runs[1].pk}&show=all"

    page = page_of(f"/compare/items/3/?{query}")
    assert "The sum is <mark>three</mark>, I think." in page
    assert "The sum is <mark>four</mark>, I think." in page
    assert "<mark>" not in page_of(f"/compare/items/4/?{query}")
    assert "&lt;b&gt;x&lt;/b&gt; &amp; <mark>y</mark>" in page_of(f"/compare/items/5/?{query}")
    found = Client().get(f"{API}/items/3?{query}").json()
    passages = found["sides"][1]["passages"]
    assert [one["text"] for one in passages if one["differs"]] == ["four"]
    assert "".join(one["text"] for one in passages) == other[3]


def test_previous_and_next_keep_to_the_filter(pair: tuple[Any, Any]) -> None:
    first, second = pair
    query = f"runs={first.pk},{second.pk}&amp;show=a"

    page = page_of(f"/compare/items/4/?runs={first.pk},{second.pk}&show=a")

    # A alone is right on 0 … 4 and 20 … 29.
    assert re.search(rf'rel="prev"[^>]*href="/compare/items/3/\?{query}"', page)
    assert re.search(rf'rel="next"[^>]*href="/compare/items/20/\?{query}"', page)
    assert "A right, B wrong, 5 of 15" in text_of(page)
    found = Client().get(f"{API}/items/4?runs={first.pk},{second.pk}&show=a").json()
    assert (found["previous"], found["next"]) == (3, 20)


# --- Who may see what -----------------------------------------------------------------------------


def test_private_items_count_and_are_shown_to_nobody_else(ada: Any, bob: Any) -> None:
    version = publish_sliced(ada, 10)
    runs = [
        submit_outputs_of(ada, version, "one", range(10), {3: "a secret word"}),
        submit_outputs_of(ada, version, "two", (), {3: "another secret"}),
    ]
    settle()
    make_private(version, (3, 4))
    query = f"runs={runs[0].pk},{runs[1].pk}"

    for client in (Client(), client_of(bob)):
        found = client.get(f"{API}?{query}").json()
        page = page_of(address(*runs, show="all"), client)
        items = client.get(f"{API}/items?{query}&show=all").json()
        assert found["pairs"][0]["result"]["n_common"] == 10
        assert found["hidden_items"] == 2
        counts = [one["result"]["n_common"] for one in found["slices"][0]["values"]]
        assert sum(counts) == 8
        assert {item["position"] for item in items["results"]} == set(range(10)) - {3, 4}
        assert ">i3</a>" not in page
        assert "secret" not in page
        assert "2 private items count above" in text_of(page)
        for path in (f"/compare/items/3/?{query}", f"{API}/items/3?{query}"):
            assert client.get(path).status_code == 404
        neighbour = page_of(f"/compare/items/2/?{query}&show=all", client)
        assert re.search(r'rel="next"[^>]*href="/compare/items/5/', neighbour)
    own = client_of(ada)
    assert "secret" in page_of(f"/compare/items/3/?{query}", own)
    assert own.get(f"{API}?{query}").json()["hidden_items"] == 0


def test_a_run_that_one_may_not_see_is_not_found(
    ada: Any, bob: Any, version: Any, pair: tuple[Any, Any]
) -> None:
    private = publish_sliced(ada, visibility="private", title="Hidden")
    hidden = submit_outputs_of(ada, private, "unseen model", range(9))
    settle()
    assert hidden.question_hash == pair[0].question_hash

    for client in (Client(), client_of(bob)):
        for path in (
            address(pair[0], hidden),
            f"{address(pair[0], hidden)}&pick=1",
            f"/compare/?runs={hidden.pk}",
            f"/compare/items/1/?runs={pair[0].pk},{hidden.pk}",
            f"{API}?runs={pair[0].pk},{hidden.pk}",
            f"{API}/items?runs={pair[0].pk},{hidden.pk}",
            f"{API}/items/1?runs={pair[0].pk},{hidden.pk}",
        ):
            if "pick" not in path:
                assert client.get(path).status_code == 404, path
            assert "unseen model" not in client.get(path).content.decode()
        assert "unseen model" not in page_of(f"/compare/?runs={pair[0].pk}", client)
    assert "unseen model" in page_of(address(pair[0], hidden), client_of(ada))
    assert "unseen model" in page_of(f"/compare/?runs={pair[0].pk}", client_of(ada))


def test_no_cache_may_keep_a_comparison(pair: tuple[Any, Any]) -> None:
    for path in (address(*pair), f"/compare/items/1/?runs={pair[0].pk},{pair[1].pk}"):
        assert "no-store" in Client().get(path).headers["Cache-Control"]


def test_runs_that_may_be_viewed_are_those_of_the_predicate(
    ada: Any, bob: Any, version: Any
) -> None:
    from tasks_app.models import Run
    from tasks_app.permissions import can_view_run
    from tasks_app.runs.queries import viewable_runs

    for visibility in ("public", "unlisted", "private"):
        one = publish_sliced(ada, 4, visibility=visibility, title=f"Task {visibility}")
        for owner in (ada, bob):
            if visibility == "private" and owner is bob:
                continue
            run = submit_outputs_of(owner, one, f"of {owner.namespace.handle}", range(2))
            Run.objects.filter(pk=run.pk).update(purpose="declared")
            other = submit_outputs_of(owner, one, f"{owner.namespace.handle} tries", range(2))
            Run.objects.filter(pk=other.pk).update(purpose="exploratory")

    from django.contrib.auth.models import AnonymousUser

    every = list(Run.objects.all())
    assert len(every) == 10
    for visitor in (AnonymousUser(), ada, bob):
        allowed = {run.pk for run in every if can_view_run(visitor, run)}
        assert set(viewable_runs(to=visitor).values_list("pk", flat=True)) == allowed


# --- Input that makes no sense --------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "runs=1,x",
        "runs=0x1,2",
        "runs=1,1",
        "runs=1,01",
        "runs=,,,",
        "runs=-1,2",
        "runs=1,2,3,4,5,6,7",
        "runs=" + "9" * 30 + ",1",
        "runs=" + "1," * 400,
        "runs=٣,٤",
        "runs=%00,1",
        "runs=<script>,2",
        "runs=1.5,2",
    ],
)
def test_nonsense_in_the_address_is_said_to_be_so(query: str, pair: tuple[Any, Any]) -> None:
    for path in (f"/compare/?{query}", f"/compare/items/1/?{query}", f"{API}?{query}"):
        answer = Client().get(path)
        assert answer.status_code in {200, 400, 404, 422}, path
        assert "<script>," not in answer.content.decode()
    if query != "runs=,,,":
        assert Client().get(f"{API}?{query}").status_code in {400, 404, 422}


@pytest.mark.parametrize(
    "path",
    [
        "/compare/?runs={}&pair=x,y",
        "/compare/?runs={}&pair=1,1",
        "/compare/?runs={}&page=zz&show=%FF",
        "/compare/?runs={}&page=99999999999999999999",
        "/compare/items/1/?runs={}&repeat=zz&show=nope",
        "/compare/items/1/?runs={}&repeat=٣",
        "/compare/items/1/?runs={}&repeat=99999",
    ],
)
def test_what_is_unknown_falls_back_to_the_usual(path: str, pair: tuple[Any, Any]) -> None:
    page_of(path.format(f"{pair[0].pk},{pair[1].pk}"))


def test_items_beyond_the_last_are_not_found(pair: tuple[Any, Any]) -> None:
    runs = f"runs={pair[0].pk},{pair[1].pk}"
    for place in ("40", "9" * 30, "-1", "x"):
        assert Client().get(f"/compare/items/{place}/?{runs}").status_code == 404
        assert Client().get(f"{API}/items/{place}?{runs}").status_code == 404


def test_runs_of_different_questions_have_nothing_in_common(
    ada: Any, pair: tuple[Any, Any]
) -> None:
    other = submit_outputs_of(ada, publish_task(ada, "Other", items=5), "other", range(3))
    settle()

    text = text_of(page_of(address(pair[0], other), status=422))
    found = Client().get(f"{API}?runs={pair[0].pk},{other.pk}")

    assert f"{pair[0].pk} and {other.pk} answered different questions" in text
    assert found.status_code == 422
    assert found.json()["problems"][0]["path"] == "runs"


def test_runs_scored_by_different_rules_are_not_compared(ada: Any, pair: tuple[Any, Any]) -> None:
    includes = SLICED.replace("exact", "includes")
    version = publish_task(ada, "Includes", definition=includes, data=sliced_rows(40))
    other = submit_outputs_of(ada, version, "other", range(3))
    settle()
    assert other.question_hash == pair[0].question_hash

    text = text_of(page_of(address(pair[0], other), status=422))

    assert "these runs are scored by different rules".lower() in text.lower()


def test_scores_by_a_version_that_is_nobody_elses_business_are_not_used(
    ada: Any, bob: Any, pair: tuple[Any, Any]
) -> None:
    """Bob scores both runs, of which one has no common scoring else, by a private version."""
    includes = publish_task(
        ada, "Other rules", definition=SLICED.replace("exact", "includes"), data=sliced_rows(40)
    )
    other = submit_outputs_of(ada, includes, "other", range(3))
    settle()
    secret = publish_task(
        bob,
        "Secret rules",
        definition=SLICED.replace("exact", "numeric"),
        data=sliced_rows(40),
        visibility="private",
    )
    for run in (pair[0], other):
        _score_by(run, secret)

    stranger = Client().get(f"{API}?runs={pair[0].pk},{other.pk}")
    own = client_of(bob).get(f"{API}?runs={pair[0].pk},{other.pk}")

    assert stranger.status_code == 422
    assert own.json()["task_version"] == secret.public_id


def _score_by(run: Any, version: Any) -> None:
    """Return a completed scoring of a run by another version, with scores of its own."""
    from plumbmark.common.clock import now
    from tasks_app.models import Sample, SampleScore, Scoring

    scoring = Scoring.objects.create(
        run=run,
        task_version=version,
        state=Scoring.State.COMPLETED,
        marking_hash=version.marking_hash,
        platform_version="0",
        samples_total=run.samples_total,
        finished_at=now(),
    )
    SampleScore.objects.bulk_create(
        SampleScore(scoring=scoring, sample=sample, value=1.0, details={})
        for sample in Sample.objects.filter(run=run)
    )


# --- Large input ----------------------------------------------------------------------------------


def test_a_column_with_a_thousand_values_is_cut_with_a_note(ada: Any) -> None:
    rows = [{**row, "topic": f"topic <{n}>"} for n, row in enumerate(sliced_rows(1000))]
    version = publish_task(ada, definition=SLICED, data=rows)
    runs = [submit_outputs_of(ada, version, name, range(n)) for name, n in (("x", 500), ("y", 510))]
    settle()

    page = page_of(address(*runs))

    assert "980 further values, which fewer items have, are left out." in text_of(page)
    assert "topic &lt;0&gt;" in page
    assert len(page) < 200_000


def test_answers_of_a_megabyte_are_shown_in_part(ada: Any, version: Any) -> None:
    long = {0: "word " * 200_000, 1: "x" * 1_000_000}
    longer = {0: "other word " * 90_000, 1: "y" * 1_000_000}
    runs = [
        submit_outputs_of(ada, version, name, (), words)
        for name, words in (("one", long), ("two", longer))
    ]
    settle()

    for place in (0, 1):
        page = page_of(f"/compare/items/{place}/?runs={runs[0].pk},{runs[1].pk}&show=all")
        assert len(page) < 150_000
        assert "Download the whole output" in page
    assert len(page_of(address(*runs, show="all"))) < 100_000


def test_names_are_text(ada: Any, version: Any, pair: tuple[Any, Any]) -> None:
    hostile = submit_outputs_of(ada, version, "<img src=x onerror=alert(1)>", range(9))
    settle()

    for path in (
        address(pair[0], hostile),
        address(pair[0], pair[1], hostile),
        f"/compare/?runs={pair[0].pk}",
        f"/compare/items/1/?runs={pair[0].pk},{hostile.pk}",
    ):
        page = page_of(path)
        assert "<img src=x" not in page
        assert "&lt;img src=x onerror=alert(1)&gt;" in page


# --- Queries --------------------------------------------------------------------------------------


def test_pages_take_the_same_queries_whatever_the_number_of_items(
    ada: Any, pair: tuple[Any, Any], django_assert_max_num_queries: Any
) -> None:
    version = publish_sliced(ada, 200, title="Longer")
    runs = [submit_outputs_of(ada, version, f"m{n}", range(20 * n, 20 * n + 60)) for n in range(6)]
    settle()

    for chosen in (pair, runs):
        few = f"runs={chosen[0].pk},{chosen[1].pk}"
        for path in (
            address(*chosen),
            f"/compare/items/1/?{few}",
            f"/compare/?runs={chosen[0].pk}",
            f"{API}?{few}",
            f"{API}/items?{few}",
        ):
            with django_assert_max_num_queries(MAX_QUERIES):
                page_of(path)
