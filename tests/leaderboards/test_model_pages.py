"""The list of models and their pages: facts, public results, runs, and what stays hidden."""

import datetime
import gzip
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from leaderboards_app.model_pages.queries import (
    Distribution,
    distribution_of,
    returned_ids,
)
from leaderboards_app.models import ContenderResult, Standings
from plumbmark.gateway.actions import set_price
from plumbmark.gateway.models import CatalogueModel, Deployment, Grant, PriceCard
from tasks_app.models import Contender, Run, Sample
from tests.factories import publish_benchmark, publish_task, settle, submit

pytestmark = pytest.mark.django_db(transaction=True)

RESULTS = "/api/v1/model-results"


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


@pytest.fixture
def larch() -> CatalogueModel:
    return CatalogueModel.objects.create(
        slug="arbor/larch-3",
        maker="Arbor",
        name="larch-3",
        licence="Apache-2.0",
        open_weights=True,
        modalities=["text", "image"],
        context_tokens=128_000,
        released_on="2026-01-02",
        deprecated_on="2026-11-01",
        homepage="https://arbor.example/larch",
    )


def contender_of(model: CatalogueModel, **configuration: Any) -> Contender:
    from plumbmark.manifests import content_hash

    deployment, _ = Deployment.objects.get_or_create(
        slug=model.slug,
        defaults={
            "model": model,
            "provider": "openai",
            "upstream_id": model.name,
            "base_url": "http://127.0.0.1:9/v1",
        },
    )
    effort = configuration.get("reasoning_effort")
    return Contender.objects.create(
        kind="run",
        label=f"{model.name} ({effort} effort)" if effort else model.name,
        maker=model.maker,
        model=model,
        deployment=deployment,
        configuration=configuration,
        configuration_hash=content_hash(configuration),
    )


def add_run(by: Any, version: Any, contender: Contender, right: int, **facts: Any) -> Run:
    """Return a declared run whose first answers are right, as it is once it has completed."""
    from plumbmark.common.clock import now
    from tasks_app.models import Item, SampleScore, Scoring

    grant = Grant.objects.create(payer=by.namespace, subject="test")
    kept = {
        "marking_hash": version.marking_hash,
        "platform_version": "0",
        "samples_total": version.item_count,
        "samples_done": version.item_count,
        "finished_at": now(),
    }
    run = Run.objects.create(
        task_version=version,
        contender=contender,
        namespace=by.namespace,
        started_by=by,
        purpose=facts.pop("purpose", "declared"),
        state="completed",
        question_hash=version.question_hash,
        engine_version="0",
        item_count=version.item_count,
        grant=grant,
        **{"provider_cost": 8_000_000, "median_latency_ms": 400, **facts},
        **kept,
    )
    scoring = Scoring.objects.create(run=run, task_version=version, state="completed", **kept)
    outcomes = ["answered", "answered", "refusal", "rate_limited"]
    for n, item in enumerate(Item.objects.filter(version=version).order_by("position")):
        outcome = outcomes[n % 4]
        sample = Sample.objects.create(
            run=run,
            item=item,
            ordinal=n,
            outcome=outcome,
            is_scored=outcome != "rate_limited",
            output="",
            finished_at=run.finished_at,
        )
        if sample.is_scored:
            SampleScore.objects.create(scoring=scoring, sample=sample, value=float(n < right))
    return run


def enter(board: Any, run: Run) -> None:
    from benchmarks_app.models import Entry, EntryRun

    entry, _ = Entry.objects.get_or_create(
        version=board, contender=run.contender, defaults={"created_by": run.started_by}
    )
    EntryRun.objects.create(entry=entry, benchmark_task=board.tasks.get(), run=run)


@pytest.fixture
def board(ada: Any, larch: CatalogueModel) -> Any:
    """Return two configurations of one model, on a public board."""
    from leaderboards_app.standings.actions import refresh_board

    version = publish_task(ada, items=40)
    made = publish_benchmark(ada, [version], unscored_allowed=Decimal("0.5"))
    for right, effort in ((40, "high"), (20, "")):
        contender = contender_of(larch, **({"reasoning_effort": effort} if effort else {}))
        enter(made, add_run(ada, version, contender, right))
    settle()
    refresh_board(made)
    return made


def page_of(client: Any, model: CatalogueModel) -> str:
    answer = client.get(f"/models/{model.slug}/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_page_has_facts_results_runs_failures_and_prices(
    board: Any, larch: CatalogueModel, client: Any
) -> None:
    deployment = Deployment.objects.get()
    for day, price in (("2026-01-05", 3_000_000_000), ("2026-06-05", 2_000_000_000)):
        PriceCard.objects.create(
            deployment=deployment,
            valid_from=datetime.datetime.fromisoformat(f"{day}T00:00:00+00:00"),
            input_per_mtok=price,
            output_per_mtok=4 * price,
            source="admin",
        )

    text = page_of(client, larch)

    for fact in (
        *("Apache-2.0", "text, image", "128,000 tokens", "2026-01-02", "2026-11-01"),
        *("arbor/larch-3", 'href="https://arbor.example/larch"'),
        *("larch-3 (high effort)", "reasoning effort: high", "100.00 %", "50.00 %"),
        *("of 2", "$0.0002", "0.40 s"),
        *("refusal", "rate limited", "25.00 %"),
        *("2026-06-05", "2.00 USD", "8.00 USD", "12.00 USD"),
    ):
        assert fact in text, fact
    assert text.index("2026-06-05") < text.index("2026-01-05")


def test_results_are_those_of_the_newest_snapshot(
    board: Any, ada: Any, larch: CatalogueModel, client: Any
) -> None:
    from leaderboards_app.standings.actions import refresh_board

    content = Standings.objects.get(version=board).content
    by_label = {row["contender"]["label"]: row for row in content["rows"]}
    for result in ContenderResult.objects.select_related("contender"):
        row = by_label[result.contender.label]
        assert (result.value, result.low, result.high) == tuple(
            row["score"][name] for name in ("value", "low", "high")
        )
        assert result.best_rank == row["ranks"]["platform"]["best"]
        assert result.worst_rank == row["ranks"]["platform"]["worst"]
        assert (result.cost_per_item, result.ranked_rows) == (200_000, 2)

    other = CatalogueModel.objects.create(slug="lithos/quartz", maker="Lithos", name="quartz")
    version = board.tasks.get().task_version
    enter(board, add_run(ada, version, contender_of(other), 5))
    refresh_board(board)

    assert ContenderResult.objects.count() == 3
    assert set(ContenderResult.objects.values_list("ranked_rows", flat=True)) == {3}
    assert set(ContenderResult.objects.values_list("standings__number", flat=True)) == {2}
    before = list(ContenderResult.objects.order_by("contender").values_list("value", "low"))
    ContenderResult.objects.all().delete()
    call_command("rebuild_results")
    after = list(ContenderResult.objects.order_by("contender").values_list("value", "low"))
    assert after == before


def test_names_on_boards_lead_to_the_model(board: Any, larch: CatalogueModel, client: Any) -> None:
    text = client.get(board.benchmark.get_absolute_url()).content.decode()

    assert '<th scope="row"><a href="/models/arbor/larch-3/">larch-3 (high effort)</a>' in text


def test_a_board_of_200_linked_rows_is_small_on_the_wire(board: Any, client: Any) -> None:
    from tests.leaderboards.test_pages_of_boards import grow

    grow(board, 198)
    newest = Standings.objects.order_by("-number").first()
    assert newest is not None
    for number, row in enumerate(newest.content["rows"]):
        row["contender"]["model"] = f"maker-{number % 20}/model-{number}"
    newest.save()

    answer = client.get(board.benchmark.get_absolute_url(), headers={"Accept-Encoding": "gzip"})

    page = gzip.decompress(answer.content)
    assert page.count(b'href="/models/maker-') == 200
    assert len(answer.content) < 12 * 1024
    table = page[page.index(b"<tbody>") : page.index(b"</tbody>")]
    assert len(gzip.compress(table)) < 8 * 1024


def test_private_boards_and_runs_are_on_nobody_s_page(
    board: Any, ada: Any, larch: CatalogueModel, client: Any
) -> None:
    version = board.tasks.get().task_version
    add_run(ada, version, Contender.objects.all()[0], 3, purpose="exploratory", median_latency_ms=7)
    board.benchmark.visibility = "private"
    board.benchmark.save()

    text = page_of(client, larch)

    assert "On no public board yet" in text
    assert "World" not in text
    assert "From 2 public runs" in text
    assert client.get(RESULTS, {"model": larch.slug}).json()["results"] == []
    version.task.visibility = "private"
    version.task.save()
    text = page_of(client, larch)
    assert "public run" not in text
    assert "refusal" not in text
    assert ">0</td>" in client.get("/models/").content.decode()


def test_a_page_costs_at_most_eight_queries_whatever_it_shows(
    board: Any, ada: Any, larch: CatalogueModel, client: Any, django_assert_max_num_queries: Any
) -> None:
    version = board.tasks.get().task_version
    for number in range(5):
        made = publish_benchmark(ada, [version], f"Board {number}")
        enter(made, add_run(ada, version, Contender.objects.all()[0], 9))
        CatalogueModel.objects.create(slug=f"a/{number}", maker="A", name=f"m{number}")
    settle()

    for address in (f"/models/{larch.slug}/", "/models/"):
        with django_assert_max_num_queries(6):
            client.get(address)
    client.force_login(ada)
    for address in (f"/models/{larch.slug}/", "/models/"):
        with django_assert_max_num_queries(8):
            assert client.get(address).status_code == 200


def test_the_list_is_filtered_sorted_and_counts_public_boards(
    board: Any, larch: CatalogueModel, client: Any
) -> None:
    CatalogueModel.objects.create(
        slug="lithos/quartz", maker="Lithos", name="quartz <9b>", modalities=["text"]
    )

    def names(query: str) -> list[bool]:
        text = client.get(f"/models/{query}").content.decode()
        return [">larch-3</a>" in text, ">quartz &lt;9b&gt;</a>" in text]

    assert names("") == [True, True]
    assert (
        names("?maker=Arbor") == names("?weights=open") == names("?modality=image") == [True, False]
    )
    assert names("?maker=Lithos") == [False, True]
    assert names("?weights=closed") == [False, False]
    assert names("?maker=%27&weights=x&modality=%22&sort=-x&page=zz") == [False, False]
    by_name = client.get("/models/?sort=-name").content.decode()
    assert by_name.index("quartz &lt;") < by_name.index(">larch-3<")
    assert '<td class="is-number">1</td>' in by_name


@pytest.mark.parametrize(
    "slug", ["none/such", "%27", "a" * 3000, "..%2F", "x%00y", "é/ü", "%F0%9F%99%82"]
)
def test_unknown_models_are_404(slug: str, client: Any) -> None:
    assert client.get(f"/models/{slug}/").status_code in (400, 404)


def test_the_api_has_results_and_prices(board: Any, larch: CatalogueModel, client: Any) -> None:
    set_price(deployment=Deployment.objects.get(), input_per_mtok=5, output_per_mtok=7, by=None)

    best = client.get(RESULTS, {"model": larch.slug}).json()["results"][-1]
    (price,) = client.get("/api/v1/model-prices", {"model": larch.slug}).json()["results"]
    (facts,) = client.get("/api/v1/models", {"slug": larch.slug}).json()["results"]

    assert best["benchmark"] == board.benchmark.public_id
    assert (best["value"], best["ranked_rows"], best["status"]) == (1.0, 2, "ranked")
    assert best["configuration"] == {"reasoning_effort": "high"}
    assert (price["input_per_mtok"], price["output_per_mtok"]) == (5, 7)
    assert facts["deprecated_on"] == "2026-11-01"
    assert client.get(RESULTS, {"model": "none/such"}).status_code == 404
    assert client.get(RESULTS).status_code == 404


def test_quartiles_are_those_of_the_values() -> None:
    assert distribution_of([]) is None
    assert distribution_of([5]) == Distribution(1, 5, 5, 5, 5, 5)
    assert distribution_of([1, 2, 3, 4, 5]) == Distribution(5, 1, 2, 3, 4, 5)


def test_changes_of_the_returned_id_are_noted_where_they_happen() -> None:
    facts = {"base_url": "http://a", "upstream_id": "larch"}

    def run(pk: int, *ids: str, **other: str) -> Run:
        return Run(pk=pk, upstream_models=list(ids), deployment_facts={**facts, **other})

    changes = returned_ids(
        [
            run(6, "larch-03"),
            run(5, "larch-02", "larch-03"),
            run(4),
            run(3, "other", upstream_id="other"),
            run(2, "larch-01"),
            run(1, "larch-01"),
        ]
    )

    assert [(change.run, change.before, change.after, change.is_midway) for change in changes] == [
        (5, ("larch-01",), ("larch-02", "larch-03"), True)
    ]


def test_tasks_and_runs_lead_to_the_benchmarks_that_use_them(
    board: Any, ada: Any, client: Any
) -> None:
    version = board.tasks.get().task_version
    link = f'<a href="{board.benchmark.get_absolute_url()}">World</a>'
    run = Run.objects.order_by("pk")[0]
    alone = add_run(ada, version, run.contender, 3)

    assert link in client.get(version.task.get_absolute_url()).content.decode()
    assert link in client.get(run.get_absolute_url()).content.decode()
    assert link not in client.get(alone.get_absolute_url()).content.decode()
    board.benchmark.visibility = "private"
    board.benchmark.save()
    assert "World" not in client.get(version.task.get_absolute_url()).content.decode()
    assert "World" not in client.get(run.get_absolute_url()).content.decode()
    client.force_login(ada)
    assert link in client.get(version.task.get_absolute_url()).content.decode()


def test_tags_of_benchmarks_lead_to_the_list(board: Any, ada: Any, client: Any) -> None:
    from benchmarks_app.actions.authoring import update_benchmark

    address = board.benchmark.get_absolute_url()
    client.get(address)
    update_benchmark(benchmark=board.benchmark, tags=["Hand writing", "c++"], by=ada)
    publish_benchmark(ada, [board.tasks.get().task_version], "Untagged")

    link = '<a class="tag" href="/benchmarks/?tag=c%2B%2B">c++</a>'
    assert link in client.get(address).content.decode()
    listed = client.get("/benchmarks/?tag=c%2B%2B").content.decode()
    assert link in listed
    assert "Untagged" not in listed
    assert "No matching benchmarks" in client.get("/benchmarks/?tag=c%2B").content.decode()


def test_a_profile_has_benchmarks_then_tasks_then_entered_runs(
    board: Any, ada: Any, client: Any
) -> None:
    text = client.get("/people/ada/").content.decode()
    heads = re.findall(r'<h2 id="section-\d">([^<]+)', text)

    assert [head.strip() for head in heads] == ["Benchmarks", "Tasks", "Entered runs"]
    board.benchmark.visibility = "private"
    board.benchmark.save()
    hidden = client.get("/people/ada/").content.decode()
    assert "World" not in hidden
    assert "Entered runs" not in hidden


def test_a_model_has_a_feed_of_its_public_results(ada: Any, client: Any) -> None:
    import xml.etree.ElementTree as ElementTree

    from benchmarks_app.actions.entries import enter
    from benchmarks_app.actions.visibility import set_benchmark_visibility
    from plumbmark.gateway.models import CatalogueModel

    version = publish_task(ada, items=60)
    board = publish_benchmark(ada, [version], "Feed board")
    model = CatalogueModel.objects.create(slug="arbor/larch", maker="Arbor", name="larch")
    for name, right in (("larch", 59), ("other", 10)):
        contender = submit(ada, version, name, right).contender
        if name == "larch":
            contender.model = model
            contender.save(update_fields=["model"])
        enter(version=board, contender=contender, by=ada)
    settle()

    atom = "{http://www.w3.org/2005/Atom}"
    feed = ElementTree.fromstring(client.get("/models/arbor/larch/feed.atom").content)
    (entry,) = feed.findall(f"{atom}entry")
    assert entry.findtext(f"{atom}title") == "larch on Feed board"
    newest = board.standings.order_by("-number").first()
    link = entry.find(f"{atom}link")
    assert link is not None
    assert newest.get_absolute_url() in link.attrib["href"]
    assert "98.33" in entry.findtext(f"{atom}summary", "")
    assert "rank 1 of 2" in entry.findtext(f"{atom}summary", "")
    assert (
        'href="/models/arbor/larch/feed.atom"'
        in client.get("/models/arbor/larch/").content.decode()
    )

    set_benchmark_visibility(benchmark=board.benchmark, visibility="unlisted", by=ada)
    for visitor in (None, ada):
        if visitor is not None:
            client.force_login(visitor)
        assert b"<entry>" not in client.get("/models/arbor/larch/feed.atom").content
    assert client.get("/models/arbor/none/feed.atom").status_code == 404
