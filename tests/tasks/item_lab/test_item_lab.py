"""The item lab: simulated rows whose right findings are known, and who gets which numbers."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from plumbmark.scoring import item_analysis as statistics
from tasks_app.item_lab import computation
from tasks_app.item_lab.jobs import refresh_analyses, repair_analyses
from tasks_app.item_lab.queries import analysed_items, analysis_of
from tasks_app.models import AnalysisRefresh, ItemAnalysis, Run
from tests.factories import publish_task, settle
from tests.tasks.item_lab.simulation import (
    ALL_RIGHT,
    ALONE,
    KEYS,
    NONE_RIGHT,
    WRONG_KEY,
    answers,
    publish,
    run_all,
    submit,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account("bob")


def items_by_key(version: Any, to: Any, selection: str = "all") -> Mapping[str, Any]:
    analysis = analysis_of(version, to=to)
    assert analysis is not None
    places = analysis.places(selection, "position").tolist()
    return {one.item.key: one for one in analysed_items(analysis, places, to=to)}


def test_planted_faults_are_found_and_nothing_else(ada: Any, bob: Any) -> None:
    version = publish(ada)
    runs = run_all(ada, version)
    assert not AnalysisRefresh.objects.exists()

    doubted = items_by_key(version, bob, "suspected-keys")
    assert set(doubted) == {f"i{WRONG_KEY}"}
    doubt = doubted[f"i{WRONG_KEY}"].doubt
    assert (doubt.answer, doubt.agreeing, doubt.strong, doubt.right) == ("1945", 3, 3, 0)
    assert doubted[f"i{WRONG_KEY}"].discrimination < 0
    same = items_by_key(version, bob, "near-duplicates")
    # 3 + 4 and 3 - 4 have the same words.
    assert {key: [place for place, _ in one.duplicates] for key, one in same.items()} == {
        "i8": [9],
        "i9": [8],
    }
    alone = items_by_key(version, bob, "only-one")
    assert {key: one.only.label for key, one in alone.items()} == {f"i{ALONE}": "Model 3"}
    assert alone[f"i{ALONE}"].run == runs[3].pk
    assert set(items_by_key(version, bob, "all-right")) == {f"i{ALL_RIGHT}"}
    assert set(items_by_key(version, bob, "none-right")) == {f"i{NONE_RIGHT}"}


def test_numbers_are_those_of_the_statistics(ada: Any, bob: Any) -> None:
    version = publish(ada)
    run_all(ada, version)
    scores = np.array(
        [[float(one == key) for one, key in zip(answers(n), KEYS, strict=True)] for n in range(8)]
    )
    found = items_by_key(version, bob)
    for n in range(len(KEYS)):
        rest = np.delete(scores, n, axis=1).mean(axis=1)
        one = found[f"i{n}"]
        assert one.difficulty == pytest.approx(scores[:, n].mean(), abs=1e-4)
        if scores[:, n].std() == 0:
            assert one.discrimination is None
        else:
            right = np.corrcoef(scores[:, n], rest)[0, 1]
            assert one.discrimination == pytest.approx(right, abs=1e-4)
        assert one.slope is None


def test_private_items_are_in_no_number_of_strangers(ada: Any, bob: Any, client: Any) -> None:
    private = [WRONG_KEY, 9, ALONE]
    version = publish(ada)
    for n in range(8):
        submit(ada, version, f"Model {n}", answers(n))
    # No outputs can be submitted to private items, so these are made private afterwards.
    version.items.filter(position__in=private).update(split="private")
    type(version).objects.filter(pk=version.pk).update(private_item_count=len(private))
    version.refresh_from_db()
    settle()
    refresh_analyses()
    assert ItemAnalysis.objects.count() == 2
    strangers = analysis_of(version, to=bob)
    assert strangers is not None
    assert strangers.content["items"] == len(KEYS) - len(private)
    counts = {"all_right": 1, "none_right": 1, "key_doubts": 0, "near_duplicates": 0, "only_one": 0}
    assert strangers.counts == counts
    assert strangers.content["duplicate_pairs"] == 0
    assert not {record["position"] for record in strangers.records} & set(private)

    # The same as of a task that never had those items.
    scores = np.array(
        [[float(one == key) for one, key in zip(answers(n), KEYS, strict=True)] for n in range(8)]
    )
    public = np.delete(scores, private, axis=1)
    stored = strangers.records["discrimination"]
    assert np.allclose(stored, statistics.discriminations(public), atol=1e-5, equal_nan=True)

    members = analysis_of(version, to=ada)
    assert members is not None
    assert members.content["items"] == len(KEYS)
    assert members.counts["key_doubts"] == 1

    page = f"{version.get_absolute_url()}lab/"
    api = f"/api/v1/task-versions/{version.public_id}/item-analysis"
    for user in (None, bob):
        if user is not None:
            client.force_login(user)
        for url in (page, f"{page}?show=suspected-keys", api, f"{api}/items"):
            text = client.get(url).content.decode()
            assert "1945" not in text
            assert "Hamlet" not in text
        assert client.get(api).json()["includes_private"] is False
    client.force_login(ada)
    assert "1945" in client.get(f"{page}?show=suspected-keys").content.decode()
    assert client.get(api).json()["includes_private"] is True


def test_a_private_task_is_analysed_for_its_people_alone(ada: Any, bob: Any, client: Any) -> None:
    version = publish(ada, visibility="private")
    run_all(ada, version)
    page = f"{version.get_absolute_url()}lab/"
    api = f"/api/v1/task-versions/{version.public_id}/item-analysis"
    client.force_login(bob)
    assert client.get(page).status_code == 404
    assert client.get(api).status_code == 404
    assert client.get(f"{api}/items").status_code == 404
    client.force_login(ada)
    assert client.get(page).status_code == 200
    assert client.get(api).json()["rows"] == 8


def test_only_the_newest_valid_declared_run_of_a_contender_counts(ada: Any, bob: Any) -> None:
    from tasks_app.runs.control import invalidate_run

    version = publish(ada)
    runs = run_all(ada, version)
    Run.objects.filter(pk=runs[0].pk).update(purpose=Run.Purpose.EXPLORATORY)
    again = submit(ada, version, "Model 7", answers(2))
    invalidate_run(run=runs[1], reason="It saw the keys.", by=ada)
    settle()
    refresh_analyses()
    found = analysis_of(version, to=bob)
    assert found is not None
    ids = {row["run"] for row in found.content["rows"]}
    assert ids == {one.pk for one in runs[2:7]} | {again.pk}


def test_of_too_many_rows_the_newest_count_and_the_page_says_so(
    ada: Any, bob: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computation, "MAX_CELLS", 3 * len(KEYS) + 1)
    version = publish(ada)
    runs = run_all(ada, version)
    found = analysis_of(version, to=bob)
    assert found is not None
    assert [row["run"] for row in found.content["rows"]] == [one.pk for one in runs[:4:-1]]
    page = client.get(f"{version.get_absolute_url()}lab/").content.decode()
    assert "5 older ones are left out" in page
    assert "Discrimination needs 5 rows." in page


def test_the_page_escapes_and_links_and_costs_few_queries(
    ada: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    version = publish(ada)
    runs = run_all(ada, version)
    page = f"{version.get_absolute_url()}lab/"
    assert page in client.get(version.get_absolute_url()).content.decode()
    with django_assert_max_num_queries(8):
        text = client.get(f"{page}?order=hardest").content.decode()
    assert "1 key looks wrong." in text
    assert "1 of 12 items is right in all 8 rows" in text
    assert f"/runs/{runs[7].pk}/samples/{WRONG_KEY}/" in text
    assert f"/items/{WRONG_KEY}/report/" in text
    assert client.get(f"{page}?show=nothing&order=x&page=zz").status_code == 200


def test_untrusted_text_is_escaped(ada: Any, client: Any) -> None:
    rows = [{"id": f"<b>{n}", "question": f"<script>{n}</script>", "answer": "1"} for n in range(3)]
    version = publish_task(ada, data=rows)
    from tasks_app.runs.submissions import submit_outputs

    for name in ("<i>a", "<i>b", "<i>c"):
        outputs = [{"id": row["id"], "output": "<u>2</u>"} for row in rows]
        submit_outputs(
            version=version,
            model_name=name,
            maker="",
            namespace=ada.namespace,
            rows=outputs,
            by=ada,
        )
    settle()
    refresh_analyses()
    text = client.get(f"{version.get_absolute_url()}lab/?show=suspected-keys").content.decode()
    assert "&lt;u&gt;2&lt;/u&gt;" in text
    for raw in ("<u>", "<b>0", "<script>0", "<i>a"):
        assert raw not in text


def test_the_api_gives_the_same_sorted_selected_and_paged(ada: Any, client: Any) -> None:
    version = publish(ada)
    run_all(ada, version)
    url = f"/api/v1/task-versions/{version.public_id}/item-analysis"
    summary = client.get(url).json()
    assert summary["counts"]["key_doubts"] == 1
    assert summary["saturation"]["informative"] == len(KEYS) - 2
    page = client.get(f"{url}/items?order=easiest&limit=5").json()
    assert (page["count"], page["next_page"]) == (len(KEYS), 2)
    values = []
    number: int | None = 1
    while number:
        page = client.get(f"{url}/items?order=easiest&limit=5&page={number}").json()
        values += [one["difficulty"] for one in page["results"]]
        number = page["next_page"]
    assert values == sorted(values, reverse=True)
    assert len(values) == len(KEYS)
    wrong = client.get(f"{url}/items?show=suspected-keys").json()["results"]
    assert [one["suspected_key"]["answer"] for one in wrong] == ["1945"]
    for query in ("show=none", "order=up", "page=0", "limit=x"):
        answer = client.get(f"{url}/items?{query}")
        assert answer.status_code == 422, query
        assert query.split("=")[0] in json.dumps(answer.json())


def test_withdrawn_content_leaves_no_analysis(ada: Any, client: Any) -> None:
    from tasks_app.authoring.withdrawal import withdraw_content

    version = publish(ada)
    run_all(ada, version)
    withdraw_content(version=version, reason="Copyright.", by=ada)
    page = f"{version.get_absolute_url()}lab/"
    assert "The content of this version was withdrawn." in client.get(page).content.decode()
    settle()
    refresh_analyses()
    assert not ItemAnalysis.objects.exists()
    assert repair_analyses() == 0


def test_versions_scored_before_get_their_analysis(ada: Any, bob: Any) -> None:
    version = publish(ada)
    run_all(ada, version)
    ItemAnalysis.objects.all().delete()
    assert repair_analyses() == 1
    assert refresh_analyses() == 1
    assert set(items_by_key(version, bob, "suspected-keys")) == {f"i{WRONG_KEY}"}
    assert repair_analyses() == 0


def test_without_runs_the_page_says_what_it_waits_for(ada: Any, client: Any) -> None:
    version = publish(ada)
    text = client.get(f"{version.get_absolute_url()}lab/").content.decode()
    assert "No analysis yet" in text
    api = f"/api/v1/task-versions/{version.public_id}/item-analysis"
    assert client.get(api).status_code == 404
