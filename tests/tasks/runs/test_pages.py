"""The pages of runs and samples, through Django's client, over runs that were really run."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from plumbmark.gateway.models import Grant, LedgerLine
from tasks_app.models import Item, Run, Sample, SampleCall, Scoring

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
WITH_PRIVATE = """\
plumbmark: 1
data: {id: id, target: answer, split: {column: split, private: [held]}}
prompt:
  messages:
    - {role: user, content: "{question}"}
scorers:
  - type: includes
"""


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account("bob")


@pytest.fixture
def finished(
    make_task: Callable[..., Any],
    start: Callable[..., Any],
    work: Callable[[], None],
    ada: Any,
) -> Run:
    """Return a declared run by ada of her own task: two samples right, two wrong."""
    run = start(make_task(ada), ada)
    work()
    run.refresh_from_db()
    assert run.state == "completed"
    return run


def page_of(run: Run, client: Client | None = None, **query: Any) -> str:
    answer = (client or Client()).get(f"/runs/{run.pk}/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_finished_run_shows_its_score_and_leads_to_its_samples(finished: Run) -> None:
    task = Client().get("/tasks/ada/number-words/").content.decode()
    run = page_of(finished)
    sample = Client().get(f"/runs/{finished.pk}/samples/0/").content.decode()

    # Score → run → sample: three clicks.
    assert f'href="/runs/{finished.pk}/"' in task
    assert "50.00 %" in task
    assert "50.00 %" in run
    assert f'href="/runs/{finished.pk}/samples/0/"' in run
    assert "Say thirteen." in sample


def test_a_sample_shows_what_was_sent_what_came_back_and_why(finished: Run) -> None:
    page = Client().get(f"/runs/{finished.pk}/samples/3/").content.decode()

    assert "Answer with one word." in page
    assert "Say &lt;b&gt;bold&lt;/b&gt;." in page
    assert "<b>bold" not in page
    assert "Raw request" in page
    assert "&quot;program&quot;: &quot;echo&quot;" in page
    assert finished.task_version.canary in page
    assert f'href="/runs/{finished.pk}/samples/2/"' in page
    assert 'rel="next"' not in page


def test_the_answer_s_place_in_the_output_is_marked(
    make_task: Callable[..., Any], start: Callable[..., Any], work: Callable[[], None], ada: Any
) -> None:
    task = make_task(
        ada,
        definition=WITH_PRIVATE.replace("includes", "numeric"),
        rows=[
            {"id": "a", "question": "Not 3, but 42?", "answer": "42", "split": "open"},
            {"id": "b", "question": "Is it 5?", "answer": "5", "split": "held"},
        ],
    )
    run = start(task, ada)
    work()

    page = Client().get(f"/runs/{run.pk}/samples/0/").content.decode()

    assert "Not 3, but <mark>42</mark>?" in page


def test_a_huge_output_is_cut_on_the_page_and_whole_in_the_download(finished: Run) -> None:
    text = "<script>alert(1)</script>" * 400_000
    Sample.objects.filter(run=finished, ordinal=1).update(output=text)
    base = f"/runs/{finished.pk}/samples/1/"

    page, whole = Client().get(base), Client().get(f"{base}output/")

    assert len(page.content) < 200_000
    assert b"<script>alert" not in page.content
    assert whole.content.decode() == text
    assert whole.headers["Content-Type"].startswith("text/plain")
    assert whole.headers["Content-Disposition"].startswith("attachment")
    assert len(page_of(finished)) < 200_000


def test_downloads_of_messages_and_exchanges(finished: Run) -> None:
    base = f"/runs/{finished.pk}/samples/0/"

    assert Client().get(f"{base}messages/1/").content.decode() == "Say thirteen."
    assert Client().get(f"{base}messages/9/").status_code == 404
    assert Client().get(f"{base}calls/0/").json()["response"]["text"] == "Say thirteen."
    assert Client().get(f"{base}calls/7/").status_code == 404


def test_a_withheld_output_is_not_shown_anywhere(finished: Run) -> None:
    Sample.objects.filter(run=finished, ordinal=0).update(
        withheld_at=timezone.now(), withheld_reason="personal data"
    )
    base = f"/runs/{finished.pk}/samples/0/"

    page = Client().get(base).content.decode()

    assert "Withheld: personal data" in page
    assert Client().get(f"{base}output/").status_code == 404
    assert "Withheld: personal data" in page_of(finished)


def test_a_withheld_item_is_not_shown_on_the_sample_s_page(finished: Run) -> None:
    Item.objects.filter(version=finished.task_version, key="q1").update(
        withheld_at=timezone.now(), withheld_reason="a licence", input={}, target=None
    )

    page = Client().get(f"/runs/{finished.pk}/samples/0/")

    assert page.status_code == 200
    assert "Withheld: a licence" in page.content.decode()
    items = Client().get("/tasks/ada/number-words/versions/1/items/").content.decode()
    assert "Withheld: a licence" in items


def test_samples_of_private_items_are_for_the_task_s_members(
    make_task: Callable[..., Any],
    start: Callable[..., Any],
    work: Callable[[], None],
    ada: Any,
    bob: Any,
) -> None:
    run = start(make_task(ada, definition=WITH_PRIVATE), bob)
    work()
    private = f"/runs/{run.pk}/samples/3/"

    for client in (Client(), client_of(bob)):
        assert "Samples of private items are not shown to you." in page_of(run, client)
        assert f'href="{private}"' not in page_of(run, client)
        for path in (private, f"{private}output/", f"{private}messages/0/", f"{private}calls/0/"):
            assert client.get(path).status_code == 404
    assert f'href="{private}"' in page_of(run, client_of(ada))
    assert client_of(ada).get(private).status_code == 200


def test_samples_are_filtered_by_verdict_and_paged(finished: Run) -> None:
    Sample.objects.filter(run=finished, ordinal=1).update(outcome="refusal")

    def shown(**query: str) -> int:
        table = page_of(finished, **query).split('id="samples"')
        return table[1].count('<th scope="row">') if len(table) > 1 else 0

    assert shown() == 4
    assert shown(verdict="right") == 2
    assert shown(verdict="wrong") == 2
    assert shown(verdict="partly") == 0
    assert shown(verdict="unscored") == 0
    assert shown(verdict="refusal") == 1
    assert shown(verdict="nonsense") == 4
    assert shown(after="1") == 2
    assert Client().get(f"/runs/{finished.pk}/", {"after": "x"}).status_code == 404
    assert Client().get(f"/runs/{finished.pk}/", {"after": "9" * 40}).status_code == 404


def test_pages_of_runs_take_the_same_queries_whatever_their_length(
    finished: Run,
    make_task: Callable[..., Any],
    start: Callable[..., Any],
    work: Callable[[], None],
    ada: Any,
    django_assert_num_queries: Any,
) -> None:
    rows = [{"id": f"i{n}", "question": f"Say {n}", "answer": str(n)} for n in range(40)]
    long = start(make_task(ada, "Long", rows=rows), ada)
    longer = start(make_task(ada, "Longer", rows=[*rows, {**rows[0], "id": "x"}]), ada)
    work()
    page_of(long)

    with django_assert_num_queries(5):
        page_of(long)
    with django_assert_num_queries(5):
        page_of(longer)
    for run in (long, longer):
        with django_assert_num_queries(8):
            Client().get(f"/runs/{run.pk}/samples/20/")


def test_my_runs_are_mine_and_take_the_same_queries(
    make_task: Callable[..., Any],
    start: Callable[..., Any],
    ada: Any,
    bob: Any,
    django_assert_num_queries: Any,
) -> None:
    task = make_task(ada)
    mine, other = start(task, bob, "exploratory"), start(task, ada)
    client = client_of(bob)
    page = client.get("/runs/").content.decode()

    assert Client().get("/runs/").url.startswith("/accounts/login/")
    assert f'href="/runs/{mine.pk}/"' in page
    assert f'href="/runs/{other.pk}/"' not in page
    assert "No matching runs" in client.get("/runs/", {"state": "failed"}).content.decode()
    # Session, person with their namespace, runs, scorings.
    with django_assert_num_queries(4):
        client.get("/runs/")
    for _ in range(3):
        start(task, bob)
    with django_assert_num_queries(4):
        client.get("/runs/", {"purpose": "", "state": "queued"})


def test_an_exploratory_run_is_seen_by_its_owner_alone(
    make_task: Callable[..., Any], start: Callable[..., Any], ada: Any, bob: Any
) -> None:
    run = start(make_task(ada), bob, "exploratory")

    for client in (Client(), client_of(ada)):
        for path in ("", "status/", "samples/0/"):
            assert client.get(f"/runs/{run.pk}/{path}").status_code == 404
    assert client_of(bob).get(f"/runs/{run.pk}/").status_code == 200


@pytest.mark.parametrize("verb", ["pause", "resume", "retry", "cancel", "invalidate"])
def test_only_its_owner_steers_a_run(
    make_task: Callable[..., Any], start: Callable[..., Any], ada: Any, bob: Any, verb: str
) -> None:
    run = start(make_task(ada), ada)
    path = f"/runs/{run.pk}/{verb}/"

    assert Client().post(path).url.startswith("/accounts/login/")
    assert client_of(bob).post(path, {"reason": "x"}).status_code == 403
    if verb != "cancel":
        assert client_of(ada).get(path).status_code == 405
    run.refresh_from_db()
    assert run.state == "queued"
    assert "Pause" not in page_of(run, client_of(bob))


def test_a_run_is_paused_resumed_and_cancelled_without_javascript(
    make_task: Callable[..., Any], start: Callable[..., Any], ada: Any
) -> None:
    run = start(make_task(ada), ada)
    client = client_of(ada)
    base = f"/runs/{run.pk}/"

    page = client.post(f"{base}pause/", follow=True).content.decode()
    assert "paused by its owner" in page
    assert "waits for</span>" not in page
    assert "Resume" in page
    assert client.post(f"{base}pause/").status_code == 409
    assert "queued" in client.post(f"{base}resume/", follow=True).content.decode()
    assert "Cancel run" in client.get(f"{base}cancel/").content.decode()
    page = client.post(f"{base}cancel/", follow=True).content.decode()
    assert "cancelled" in page
    refused = client.post(f"{base}resume/")

    assert refused.status_code == 409
    assert "cannot be resumed" in refused.content.decode()
    assert client.get(f"{base}cancel/").url == base
    assert client.post(f"{base}retry/").status_code == 409


def test_unscored_samples_are_asked_again(
    finished: Run, work: Callable[[], None], ada: Any
) -> None:
    from tasks_app.models import SampleScore

    failed = Sample.objects.get(run=finished, ordinal=2)
    SampleScore.objects.filter(sample=failed).delete()
    Sample.objects.filter(pk=failed.pk).update(is_scored=False, outcome="network", error="gone")
    Run.objects.filter(pk=finished.pk).update(samples_unscored=1)
    client = client_of(ada)
    before = page_of(finished, client)

    client.post(f"/runs/{finished.pk}/retry/")
    work()
    finished.refresh_from_db()

    assert "Retry the unscored samples" in before
    assert "could not be reached over the network" in before
    assert finished.revision == 2
    assert finished.state == "completed"
    assert "Retry the unscored samples" not in page_of(finished, client)


def test_the_task_s_owner_marks_a_run_as_invalid_for_a_public_reason(
    finished: Run, ada: Any
) -> None:
    client = client_of(ada)

    assert client.post(f"/runs/{finished.pk}/invalidate/", {"reason": " "}).status_code == 422
    client.post(f"/runs/{finished.pk}/invalidate/", {"reason": "A <wrong> key."})

    assert "A &lt;wrong&gt; key." in page_of(finished)
    assert "50.00 %" not in page_of(finished).split('id="run-body"')[1].split("Samples")[0]


def test_the_status_is_a_fragment_that_polls_until_the_end(
    make_task: Callable[..., Any], start: Callable[..., Any], work: Callable[[], None], ada: Any
) -> None:
    run = start(make_task(ada), ada)
    first = Client().get(f"/runs/{run.pk}/status/", {"seen": "queued"}, headers=HTMX)
    page = page_of(run)
    work()
    last = Client().get(f"/runs/{run.pk}/status/", {"seen": "queued"}, headers=HTMX)

    assert "<html" not in first.content.decode()
    assert "every 2s" in first.content.decode()
    assert "waiting for a free worker" in first.content.decode()
    assert "hx-swap-oob" not in first.content.decode()
    assert "<noscript>" in page
    assert "every 2s" not in last.content.decode()
    assert "is now completed." in last.content.decode()
    assert "run-changed" in last.headers["HX-Trigger"]


def test_a_running_run_tells_its_rate_its_end_and_its_last_sign_of_life(
    make_task: Callable[..., Any], start: Callable[..., Any], ada: Any
) -> None:
    run = start(make_task(ada), ada)
    at = timezone.now()
    running = Run.objects.filter(pk=run.pk)
    running.update(
        state="running",
        started_at=at - timedelta(seconds=10),
        heartbeat_at=at,
        samples_done=2,
        charged=1_500_000,
        cost_bound=20_000_000,
    )
    page = page_of(run)
    running.update(heartbeat_at=at - timedelta(minutes=10), started_at=at - timedelta(hours=1))
    silent = page_of(run)

    assert "0.2 samples per second" in page
    assert "Expected end" in page
    assert "Last heartbeat" in page
    assert "0.0015 USD of at most 0.020 USD" in page
    assert "No heartbeat for a while" not in page
    assert "No heartbeat for a while" in silent


def test_a_failed_run_says_why_and_can_be_resumed(
    make_task: Callable[..., Any], start: Callable[..., Any], ada: Any
) -> None:
    run = start(make_task(ada), ada)
    Run.objects.filter(pk=run.pk).update(state="failed", failure="The <key> was refused.")
    client = client_of(ada)

    page = page_of(run, client)
    assert "The &lt;key&gt; was refused." in page
    client.post(f"/runs/{run.pk}/resume/")
    run.refresh_from_db()

    assert run.state == "queued"


def test_a_model_that_changed_midway_is_told(finished: Run) -> None:
    Run.objects.filter(pk=finished.pk).update(upstream_models=["m-1", "m-2"])

    page = page_of(finished)

    assert "The model changed during the run" in page
    assert "m-1, m-2" in page


def test_a_page_of_a_task_is_there_for_an_account_without_a_handle(
    finished: Run, django_user_model: Any
) -> None:
    nameless = django_user_model.objects.create_user("n@example.org")

    page = client_of(nameless).get("/tasks/ada/number-words/")

    assert page.status_code == 200
    assert "no handle yet" in page.content.decode()
    assert client_of(nameless).get("/tasks/new/").status_code == 409
    assert client_of(nameless).get("/tasks/ada/number-words/run/").status_code == 409


def test_submitted_outputs_are_marked_and_shown(
    make_task: Callable[..., Any], work: Callable[[], None], ada: Any
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    task = make_task(ada)
    rows = b"".join(b'{"id": "q%d", "output": "eight"}\n' % n for n in (1, 2, 3, 4))
    client_of(ada).post(
        "/tasks/ada/number-words/submit/",
        {
            "model_name": "larch-3",
            "description": "By <hand>.",
            "file": SimpleUploadedFile("o.jsonl", rows),
        },
    )
    run = Run.objects.get(task_version__task=task)
    before = page_of(run)
    work()
    run.refresh_from_db()

    assert "running" in before
    assert run.state == "completed"
    assert "25.00 %" in page_of(run)
    assert "By &lt;hand&gt;." in page_of(run)
    sample = Client().get(f"/runs/{run.pk}/samples/1/").content.decode()
    assert "the platform made no call" in sample


def test_a_rescoring_is_listed(finished: Run, work: Callable[[], None], ada: Any) -> None:
    from tasks_app.scorings.actions import rescore_run

    rescore_run(run=finished, version=finished.task_version, by=ada)
    work()

    assert Scoring.objects.filter(run=finished).count() == 2
    assert page_of(finished).count("by version 1") == 2


@pytest.mark.parametrize("path", ["/runs/999999/", f"/runs/{10**30}/", "/runs/1/samples/99/"])
def test_a_run_that_is_not_there_is_a_404(finished: Run, path: str) -> None:
    assert Client().get(path).status_code == 404
    assert Client().get(f"/runs/{finished.pk}/samples/{10**30}/").status_code == 404


def test_a_run_at_its_limit_is_given_a_higher_one_on_its_page(
    finished: Run, ada: Any, bob: Any
) -> None:
    Run.objects.filter(pk=finished.pk).update(
        state=Run.State.PAUSED, pause_reason=Run.PauseReason.LIMIT
    )
    client, limit = client_of(ada), f"/runs/{finished.pk}/spend-limit/"

    page = client.get(f"/runs/{finished.pk}/").content.decode()
    assert "its owner to raise the spend limit" in page
    assert f'action="{limit}"' in page
    assert "resume/" not in page
    assert client_of(bob).post(limit, {"spend_limit": "5"}).status_code == 403
    refused = client.post(limit, {"spend_limit": "much"})
    assert refused.status_code == 422
    assert "Enter an amount in dollars" in refused.content.decode()
    assert client.post(limit, {"spend_limit": "2.50"}).status_code == 302

    finished.refresh_from_db()
    assert finished.state == Run.State.QUEUED
    assert finished.grant is not None
    assert finished.grant.cap == 2_500_000_000
    body = {"spend_limit_nanodollars": 7}
    answer = client.put(f"/api/v1/runs/{finished.pk}/spend-limit", body, "application/json")
    assert answer.status_code == 200, answer.content
    assert Run.objects.get(pk=finished.pk).grant.cap == 7


def test_a_run_that_waits_for_balance_says_when_it_goes_on(finished: Run, ada: Any) -> None:
    Run.objects.filter(pk=finished.pk).update(
        state=Run.State.PAUSED, pause_reason=Run.PauseReason.QUOTA
    )

    page = client_of(ada).get(f"/runs/{finished.pk}/").content.decode()

    assert re.search(r"limit renews on \d{4}-\d\d-\d\d 00:00 UTC, and the run then resumes", page)
    assert 'href="/quota/ada/"' in page


def test_the_ledger_leads_to_what_was_paid_for(finished: Run, ada: Any) -> None:
    scoring = Scoring.objects.filter(run=finished).first()
    assert scoring is not None
    grants = [
        Grant.objects.create(payer=ada.namespace, subject=subject)
        for subject in (f"run:{finished.pk}", f"scoring:{scoring.pk}", "run:999999", "<b>", "")
    ]
    at = timezone.now()
    LedgerLine.objects.bulk_create(
        LedgerLine(
            payer=ada.namespace, grant=grant, kind="settle", day=at.date(), at=at,
            reason=f"{grant.subject}: 1 call answered",
        )
        for grant in grants
    )  # fmt: skip

    page = client_of(ada).get("/quota/").content.decode()

    url = f'<a href="/runs/{finished.pk}/">'
    assert f"<td>{url}run {finished.pk}</a>: 1 call answered</td>" in page
    assert f"<td>{url}scoring of run {finished.pk}</a>: 1 call answered</td>" in page
    assert "<td>run:999999: 1 call answered</td>" in page
    assert "<td>&lt;b&gt;: 1 call answered</td>" in page


def test_a_runs_deployment_is_told_without_its_address(finished: Run, ada: Any) -> None:
    facts = {**finished.deployment_facts, "base_url": "http://someones-own-server:11434/v1"}
    Run.objects.filter(pk=finished.pk).update(deployment_facts=facts)

    for client in (client_of(ada), Client()):
        told = client.get(f"/api/v1/runs/{finished.pk}")
        assert told.json()["deployment_facts"]["slug"] == facts["slug"]
        assert "someones-own-server" not in told.content.decode()
        assert "someones-own-server" not in client.get(f"/runs/{finished.pk}/").content.decode()


def test_a_sample_leads_who_paid_to_its_call(finished: Run, ada: Any, bob: Any) -> None:
    path = f"/runs/{finished.pk}/samples/0/"
    call_id = SampleCall.objects.get(sample__run=finished, sample__ordinal=0).call_id
    link = f'href="/calls/{call_id}/"'

    assert link in client_of(ada).get(path).content.decode()
    assert link not in client_of(bob).get(path).content.decode()
    assert link not in Client().get(path).content.decode()
    opened = client_of(ada).get(f"/calls/{call_id}/").content.decode()
    assert f'href="/runs/{finished.pk}/"' in opened
    assert client_of(bob).get(f"/calls/{call_id}/").status_code == 404


def test_previous_and_next_keep_to_the_filter_of_the_run(finished: Run) -> None:
    from tasks_app.models import SampleScore

    scores = SampleScore.objects.filter(sample__run=finished).order_by("sample__ordinal")
    right = [score.sample.ordinal for score in scores.filter(value=1)]
    wrong = [score.sample.ordinal for score in scores.filter(value=0)]
    address = finished.get_absolute_url()

    run_page = Client().get(f"{address}?verdict=wrong").content.decode()
    first = Client().get(f"{address}samples/{wrong[0]}/?verdict=wrong").content.decode()
    last = Client().get(f"{address}samples/{right[-1]}/?verdict=right").content.decode()

    assert f"samples/{wrong[0]}/?verdict=wrong" in run_page
    assert f'rel="next" href="{address}samples/{wrong[1]}/?verdict=wrong"' in first
    assert f'rel="prev" href="{address}samples/{right[0]}/?verdict=right"' in last
    assert 'rel="next"' not in last
    assert "Only: right" in last
