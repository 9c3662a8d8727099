"""Searching: what is found, in what order, by whom, and what nobody learns from it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from leaderboards_app.models import SearchEntry
from leaderboards_app.search.actions import index_help, repair_index
from plumbmark.gateway.models import CatalogueModel
from tests.factories import publish_task, settle

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1/search"


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="bob")


def model(maker: str, name: str, **facts: Any) -> CatalogueModel:
    made = CatalogueModel.objects.create(
        slug=f"{maker.lower()}/{name}", maker=maker, name=name, **facts
    )
    repair_index()
    return made


def benchmark(
    by: Any, title: str, *, claim: str = "A measure.", card: str = "", **rules: Any
) -> Any:
    from benchmarks_app.actions import authoring
    from tests.factories import CARD

    made = authoring.create_benchmark(namespace=by.namespace, title=title, claim=claim, by=by)
    draft = authoring.draft_of(benchmark=made, by=by)
    members = [authoring.Member(publish_task(by, f"Task of {title}"))]
    authoring.compose_draft(
        version=draft, members=members, card={**CARD, "limits": card or "None known."}, by=by
    )
    authoring.publish_benchmark(version=draft, by=by, **rules)
    made.refresh_from_db()
    settle()
    return made


def found(client: Any, words: str, **parameters: Any) -> list[str]:
    answer = client.get(API, {"q": words, **parameters})
    assert answer.status_code == 200, answer.content
    return [result["title"] for result in answer.json()["results"]]


def test_a_benchmark_is_found_by_a_word_of_its_description_in_another_form(
    ada: Any, client: Any
) -> None:
    benchmark(ada, "Everyday sums", claim="Adding up prices.", card="Ignores negative numbers.")

    assert found(client, "price", kind="benchmark") == ["Everyday sums"]
    assert found(client, "ignoring negatives", kind="benchmark") == ["Everyday sums"]
    assert found(client, "negat", kind="benchmark") == ["Everyday sums"]
    assert found(client, "ADDED", kind="benchmark") == ["Everyday sums"]
    assert found(client, "multiplication", kind="benchmark") == []


def test_slips_in_titles_are_forgiven_and_marked(ada: Any, client: Any) -> None:
    publish_task(ada, "School arithmetic")
    model("Google", "Gemini 4 Pro")
    model("Meta", "Llama 5 8B")
    settle()

    for words, title in (
        ("arithmatic", "School arithmetic"),
        ("shcool arithmetics", "School arithmetic"),
        ("gemeni", "Gemini 4 Pro"),
        ("lama 5", "Llama 5 8B"),
        ("gooogle", "Gemini 4 Pro"),
    ):
        (result,) = client.get(API, {"q": words}).json()["results"]
        assert (result["title"], result["is_similar"]) == (title, True)
    (right,) = client.get(API, {"q": "gemini4"}).json()["results"]
    assert (right["title"], right["is_similar"]) == ("Gemini 4 Pro", False)
    assert found(client, "llama 6") == []


def test_whole_titles_come_before_words_of_titles_and_these_before_texts(
    ada: Any, client: Any
) -> None:
    for title, summary in (
        ("Geography of botany schools", ""),
        ("Number theory", "More than botany."),
        ("Botany", ""),
        ("Botany for beginners", ""),
    ):
        version = publish_task(ada, title)
        version.task.summary = summary
        version.task.save()
    settle()
    repair_index()

    assert found(client, "botany") == [
        "Botany",
        "Botany for beginners",
        "Geography of botany schools",
        "Number theory",
    ]


def test_people_models_and_help_are_found_by_their_names(ada: Any, client: Any) -> None:
    from plumbmark.accounts.actions import edit_profile

    edit_profile(namespace=ada.namespace, display_name="Ada Lovelace", bio="Looms.", by=ada)
    model("Arbor", "larch-3", description="A conifer.")
    settle()
    index_help()

    assert found(client, "lovelace") == found(client, "ada", kind="person") == ["Ada Lovelace"]
    assert found(client, "looms") == ["Ada Lovelace"]
    assert found(client, "arbor/larch-3") == found(client, "conifers") == ["larch-3"]
    assert found(client, "bootstrap")[0] == "Reading a board: Intervals"
    (passage, *_rest) = client.get(API, {"q": "ties", "kind": "help"}).json()["results"]
    assert passage["address"] == "/help/readers/boards/#ties"
    kinds = client.get(API, {"q": "a"}).json()["counts"]
    assert set(kinds) <= {"benchmark", "task", "model", "person", "help"}


def test_a_section_that_the_guides_no_longer_have_breaks_no_search(client: Any) -> None:
    index_help()
    SearchEntry.objects.filter(topic="readers/boards#ties").update(topic="readers/gone#ties")

    assert found(client, "ties", kind="help", limit=50)
    assert "readers/gone" not in client.get("/search/?q=ties").content.decode()
    assert index_help() == 1
    assert not SearchEntry.objects.filter(topic="readers/gone#ties").exists()


def test_the_migrated_index_is_the_one_that_the_search_makes(client: Any) -> None:
    from leaderboards_app.search.index import search_index

    if connection.vendor == "postgresql":
        query = "SELECT indexdef FROM pg_indexes WHERE tablename = %s ORDER BY indexname"
        of = "leaderboards_searchentry"
    else:
        query = "SELECT sql FROM sqlite_master WHERE name GLOB %s ORDER BY name"
        of = "leaderboards_search_*"

    def read() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(query, [of])
            return list(cursor.fetchall())

    migrated = read()
    search_index().clear()

    assert len(migrated) >= 3
    assert read() == migrated


def test_private_and_unlisted_things_are_found_by_their_owners_alone(
    ada: Any, bob: Any, client: Any
) -> None:
    hidden = benchmark(ada, "Zebra sums", visibility="private")
    publish_task(ada, "Zebra counting", visibility="unlisted")
    settle()

    def seen() -> tuple[list[str], dict[str, int]]:
        return found(client, "zebra"), client.get(API, {"q": "zebra"}).json()["counts"]

    strangers = seen()
    client.force_login(bob)
    bobs = seen()
    client.force_login(ada)
    adas = seen()

    assert strangers == bobs == (["Task of Zebra sums"], {"task": 1})
    assert set(adas[0]) == {"Zebra sums", "Zebra counting", "Task of Zebra sums"}
    assert adas[1] == {"benchmark": 1, "task": 2}
    client.logout()
    for words in ("zebra", "zebre", "zeb", hidden.public_id):
        for address in (f"/search/?q={words}", f"/search/suggestions/?q={words}"):
            assert ">Zebra sums<" not in client.get(address).content.decode()


def test_the_thing_decides_at_once_and_not_the_index(ada: Any, client: Any) -> None:
    """Nothing has been delivered to the index when the benchmark becomes private."""
    from benchmarks_app.actions.visibility import set_benchmark_visibility

    made = benchmark(ada, "Walrus sums")
    assert found(client, "walrus", kind="benchmark") == ["Walrus sums"]

    set_benchmark_visibility(benchmark=made, visibility="private", by=ada)

    assert found(client, "walrus", kind="benchmark") == []
    set_benchmark_visibility(benchmark=made, visibility="public", by=ada)
    assert found(client, "walrus", kind="benchmark") == ["Walrus sums"]
    made.archived_at = made.updated_at
    made.save()
    assert found(client, "walrus", kind="benchmark") == []


def test_a_result_is_called_as_its_thing_is_called_now(ada: Any, client: Any) -> None:
    from benchmarks_app.actions.authoring import update_benchmark

    made = benchmark(ada, "Old name")
    update_benchmark(benchmark=made, title="New name", by=ada)

    assert found(client, "old name", kind="benchmark") == ["New name"]
    settle()
    assert found(client, "old name", kind="benchmark") == []
    assert found(client, "new name", kind="benchmark") == ["New name"]


def test_unconfirmed_and_closed_accounts_are_not_found(
    open_account: Callable[..., Any], client: Any
) -> None:
    from plumbmark.accounts import actions

    actions.open_account(email="new@example.org", password=None, handle="unconfirmed")
    closed = open_account(handle="closed")
    settle()
    assert found(client, "closed") == ["closed"]
    closed.is_active = False
    closed.save()

    assert found(client, "unconfirmed") == found(client, "closed") == []


def test_other_people_s_models_are_not_found(ada: Any, bob: Any, client: Any) -> None:
    from plumbmark.gateway.models import Deployment

    own = model("Homelab", "secretive")
    Deployment.objects.create(
        slug="bob/secretive", model=own, provider="openai", upstream_id="s", owner=bob.namespace
    )

    assert found(client, "secretive", kind="model") == []
    assert client.get(f"/models/{own.slug}/").status_code == 404
    client.force_login(bob)
    assert found(client, "secretive", kind="model") == ["secretive"]
    assert client.get(f"/models/{own.slug}/").status_code == 200


@pytest.mark.parametrize(
    "words",
    [
        '"',
        "'; DROP TABLE users; --",
        "a AND OR NOT NEAR(b, 2)",
        "title:secret* ^x",
        "{title} : x",
        "(((",
        "a & | ! <-> :*",
        "%_%",
        "\\",
        "ﷺ" * 200,
        "\ud83d\ude42".encode("utf-16", "surrogatepass").decode("utf-16"),
        "<script>alert(1)</script>",
        "1e5 -6 +.5",
        " ".join("abcdefghijklmnopqrstuvwxyz"),
    ],
)
def test_nothing_in_a_query_is_taken_for_syntax(words: str, ada: Any, client: Any) -> None:
    publish_task(ada, "Anything")
    settle()

    for address in ("/search/", "/search/suggestions/"):
        page = client.get(address, {"q": words})
        assert page.status_code == 200
        assert "<script>alert" not in page.content.decode()
    assert client.get(API, {"q": words}).status_code in (200, 422)


def test_what_cannot_be_searched_for_is_refused_with_a_reason(client: Any) -> None:
    long = client.get("/search/", {"q": "x" * 100_000})

    assert long.status_code == 422
    assert "has 100,000 characters; at most 200 are searched for" in long.content.decode()
    assert f'value="{"x" * 200}"' in long.content.decode()
    assert client.get("/search/?q=a%00b").status_code == 400
    assert "There is no word to search for" in client.get("/search/?q=%22!").content.decode()
    assert client.get(API).json() == {"counts": {}, "results": []}
    for query, text in (
        ({"q": "x" * 201}, "at most 200"),
        ({"q": "?!"}, "must have a word"),
        ({"q": "a", "kind": "x"}, "must be one of benchmark, task"),
        ({"q": "a", "limit": "0"}, "from 1 to 50"),
        ({"q": "a", "limit": "x"}, "from 1 to 50"),
        ({"q": "a", "offset": "-1"}, "from 0 to 1000"),
    ):
        refused = client.get(API, query)
        assert refused.status_code == 422
        assert text in json.dumps(refused.json())


def test_html_in_names_is_text(ada: Any, client: Any) -> None:
    publish_task(ada, "Bold <b>claims</b> & more")
    settle()

    for address in ("/search/?q=claims", "/search/suggestions/?q=claims"):
        text = client.get(address).content.decode()
        assert "Bold &lt;b&gt;claims&lt;/b&gt; &amp; more" in text
        assert "<b>claims" not in text


def test_a_search_costs_at_most_four_queries_whatever_is_found(
    ada: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        publish_task(ada, f"Penguin {number}")
    for number in range(3):
        benchmark(ada, f"Penguin board {number}")
    settle()

    for words in ("penguin", "pengiun", "nothing", "p"):
        for address in ("/search/", "/search/suggestions/", API):
            with django_assert_max_num_queries(4):
                client.get(address, {"q": words})
    client.force_login(ada)
    with django_assert_max_num_queries(8):
        page = client.get("/search/", {"q": "penguin"}).content.decode()
    assert "All 15" in page


def test_all_of_one_kind_are_read_in_pages(ada: Any, client: Any) -> None:
    for number in range(30):
        publish_task(ada, f"Heron {number:02d}")
    settle()

    first = client.get("/search/?q=heron&kind=task").content.decode()
    second = client.get("/search/?q=heron&kind=task&page=2").content.decode()

    assert "1 to 25 of 30" in first
    assert first.count("Heron") >= 25
    assert "26 to 30 of 30" in second
    titles = found(client, "heron", limit=50)
    assert len(titles) == len(set(titles)) == 30
    assert found(client, "heron", limit=10, offset=25) == titles[25:]
    assert client.get("/search/?q=heron&kind=task&page=x").status_code == 404
    assert client.get("/search/?q=heron&kind=task&page=99").status_code == 200


def test_the_index_is_repaired_and_made_anew(ada: Any, client: Any) -> None:
    publish_task(ada, "Otter tasks")
    settle()
    index_help()
    entries = SearchEntry.objects.count()
    SearchEntry.objects.filter(kind="task").delete()
    SearchEntry.objects.filter(kind="person").update(title_words="wrong")

    assert found(client, "otter") == []
    assert repair_index() == 2
    assert repair_index() == 0
    assert found(client, "otter") == ["Otter tasks"]
    call_command("rebuild_search")
    assert SearchEntry.objects.count() == entries
    assert found(client, "otters") == ["Otter tasks"]


def test_what_is_gone_is_found_no_more(client: Any) -> None:
    made = model("Arbor", "ephemeral")
    assert found(client, "ephemeral") == ["ephemeral"]
    made.delete()

    assert found(client, "ephemeral") == []
    assert not SearchEntry.objects.filter(kind="model").exists()


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="not applicable: SQLite searches with FTS5"
)
def test_postgresql_uses_its_indexes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'searchentry_by%'")
        names = {name for (name,) in cursor.fetchall()}

    assert {"searchentry_by_title", "searchentry_by_text"} <= names
