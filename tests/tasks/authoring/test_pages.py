"""The list, the editor, publishing and the public pages of tasks, through Django's client."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from plumbmark.accounts.models import Membership, Namespace
from plumbmark.gateway.actions import ensure_baselines
from tasks_app.models import Run, Task, TaskDraft

DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages:
    - {role: user, content: "{question}"}
scorers:
  - type: exact
"""
ROW = b'{"id": "q1", "question": "Say <i>one</i>.", "answer": "one"}\n'

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account("ada")


@pytest.fixture
def bob(open_account: Callable[..., Any]) -> Any:
    return open_account("bob")


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def url(task: Task, name: str) -> str:
    return reverse(f"tasks:{name}", args=[task.namespace.handle, task.slug])


def test_the_list_shows_public_tasks_and_ones_own(
    make_task: Callable[..., Any], ada: Any, bob: Any
) -> None:
    make_task(ada, "Open words")
    make_task(ada, "Hidden words", publish="private")
    make_task(bob, "Bobs draft", publish="")

    for_anybody = Client().get("/tasks/").content.decode()
    for_bob = client_of(bob).get("/tasks/").content.decode()

    assert "Open words" in for_anybody
    assert "Hidden words" not in for_anybody
    assert "Bobs draft" not in for_anybody
    assert "Bobs draft" in for_bob
    assert "Hidden words" not in for_bob


def test_the_list_is_searched_by_words_and_by_tag(make_task: Callable[..., Any], ada: Any) -> None:
    make_task(ada, "Number words", tags=["arithmetic", "easy c++"])
    make_task(ada, "Colours", tags=["vision"])

    by_words = Client().get("/tasks/", {"q": "WORDS number"}).content.decode()
    by_tag = Client().get("/tasks/", {"tag": "easy c++"}).content.decode()
    nothing = Client().get("/tasks/", {"q": '%_"', "tag": "arith"}).content.decode()

    assert "Number words" in by_words
    assert "Colours" not in by_words
    assert "Number words" in by_tag
    assert "Colours" not in by_tag
    assert "No matching tasks" in nothing


def test_the_list_takes_two_queries_however_long_it_is(
    make_task: Callable[..., Any], ada: Any, django_assert_num_queries: Any
) -> None:
    make_task(ada, "One")
    client = Client()
    with django_assert_num_queries(2):
        client.get("/tasks/")
    for number in range(4):
        make_task(ada, f"Task {number}", tags=["a"])

    with django_assert_num_queries(2):
        assert client.get("/tasks/").content.decode().count("task-list__item") == 5


@pytest.mark.parametrize("page", ["0", "-1", "x", "999999999999999999999"])
def test_a_nonsense_page_number_is_no_error(page: str) -> None:
    assert Client().get("/tasks/", {"page": page}).status_code == 200


def test_a_new_task_leads_to_its_editor_with_an_example(ada: Any) -> None:
    client = client_of(ada)

    answer = client.post(
        "/tasks/new/", {"title": "My words", "summary": "s", "licence": "CC0", "tags": "a, B"}
    )
    page = client.get(answer.url)

    task = Task.objects.get()
    assert answer.url == "/tasks/ada/my-words/edit/"
    assert task.tags == ["a", "b"]
    assert task.visibility == "private"
    assert "This is a worked example" in page.content.decode()
    assert "plumbmark: 1" in page.content.decode()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"title": ""}, "This field is required."),
        ({"title": "???"}, "no letters or digits"),
        ({"title": "x" * 200}, "at most 120"),
        ({"title": "Fine", "tags": "good,<bad>"}, "is no tag"),
    ],
)
def test_a_refused_new_task_says_why_beside_the_field(
    ada: Any, given: dict[str, str], told: str
) -> None:
    answer = client_of(ada).post("/tasks/new/", given)

    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert not Task.objects.exists()


def test_a_taken_title_is_told_beside_the_title(make_task: Callable[..., Any], ada: Any) -> None:
    make_task(ada, "Number words", publish="")

    answer = client_of(ada).post("/tasks/new/", {"title": "Number words"})

    assert answer.status_code == 422
    assert "has a task at number-words already" in answer.content.decode()


def test_who_is_in_a_team_chooses_in_whose_name(ada: Any) -> None:
    team = Namespace.objects.create(kind="team", handle="team-larch")
    Membership.objects.create(namespace=team, user=ada, role="maintainer")
    client = client_of(ada)

    assert "On behalf of" in client.get("/tasks/new/").content.decode()
    answer = client.post("/tasks/new/", {"title": "Ours", "namespace": "team-larch"})
    assert answer.url == "/tasks/team-larch/ours/edit/"

    refused = client.post("/tasks/new/", {"title": "Ours", "namespace": "bob"})
    assert refused.status_code == 422


@pytest.mark.parametrize("name", ["edit", "publish", "settings"])
def test_authoring_pages_belong_to_the_author(
    make_task: Callable[..., Any], ada: Any, bob: Any, name: str
) -> None:
    public, private = make_task(ada, "Open"), make_task(ada, "Shut", publish="")

    assert Client().get(url(public, name)).url.startswith("/accounts/login/")
    assert client_of(bob).get(url(public, name)).status_code == 403
    assert client_of(bob).get(url(private, name)).status_code == 404
    assert client_of(bob).post(url(public, name), {"definition": "x"}).status_code == 403
    assert client_of(ada).get(url(private, name)).status_code == 200


def test_the_preview_belongs_to_the_author_and_saves_nothing(
    make_task: Callable[..., Any], ada: Any, bob: Any
) -> None:
    task = make_task(ada)
    before = TaskDraft.objects.values().get(task=task)

    assert client_of(bob).post(url(task, "preview"), {"definition": "x"}).status_code == 403
    assert client_of(ada).get(url(task, "preview")).status_code == 405
    shown = client_of(ada).post(url(task, "preview"), {"definition": DEFINITION})

    assert shown.status_code == 200
    assert "Which word is eight?" in shown.content.decode()
    assert "<html" not in shown.content.decode()
    assert TaskDraft.objects.values().get(task=task) == before


def test_the_preview_shows_the_first_three_items_escaped(
    make_task: Callable[..., Any], ada: Any
) -> None:
    task = make_task(ada, rows=[{"id": "a", "question": "Say <b>bold</b>", "answer": "<u>x</u>"}])

    page = client_of(ada).get(url(task, "edit")).content.decode()

    assert "Say &lt;b&gt;bold&lt;/b&gt;" in page
    assert "&lt;u&gt;x&lt;/u&gt;" in page
    assert "<b>bold" not in page


def test_a_problem_stands_with_its_line_and_the_line_s_text(
    make_task: Callable[..., Any], ada: Any
) -> None:
    task = make_task(ada)
    wrong = DEFINITION.replace("type: exact", "type: exakt")

    page = client_of(ada).post(url(task, "edit"), {"definition": wrong, "then": "preview"})

    text = page.content.decode()
    assert page.status_code == 200
    assert '<line-jump for="definition" line="7"' in text
    assert "must be one of exact" in text
    assert '<code class="problems__text">  - type: exakt</code>' in text
    assert "Not saved yet." in text


def test_a_problem_of_the_data_file_stands_with_its_line(
    make_task: Callable[..., Any], ada: Any
) -> None:
    task = make_task(ada, publish="")
    rows = ROW + b'{"id": "q1", "question": "Again", "answer": "one"}\n'

    sent = {"definition": DEFINITION, "data_file": SimpleUploadedFile("more.jsonl", rows)}
    page = client_of(ada).post(url(task, "edit"), sent).content.decode()

    assert "Data file, line 2" in page
    assert "more.jsonl" in page


@pytest.mark.parametrize(
    "definition",
    ["", "\x00", "[", "{", "a: &b c", "plumbmark: 1\n" * 3, "x" * 300_000, "- " * 5000, "\ud83d"],
)
def test_no_definition_breaks_the_editor(
    make_task: Callable[..., Any], ada: Any, definition: str
) -> None:
    task = make_task(ada, publish="")
    client = client_of(ada)
    text = definition.encode("utf-8", "replace").decode()

    for then in ("preview", "save", "try", "publish"):
        answer = client.post(url(task, "edit"), {"definition": text, "then": then})
        assert answer.status_code in {200, 302, 400, 422}, then
    assert client.post(url(task, "preview"), {"definition": text}).status_code in {200, 400}
    assert client.get(url(task, "edit")).status_code == 200


def test_an_empty_data_file_is_told_and_not_a_crash(
    make_task: Callable[..., Any], ada: Any
) -> None:
    task = make_task(ada, publish="")

    sent = {"definition": DEFINITION, "data_file": SimpleUploadedFile("empty.jsonl", b"")}
    page = client_of(ada).post(url(task, "edit"), sent).content.decode()

    assert "the file is empty" in page


def test_trying_without_javascript_goes_over_the_page_with_the_cost(
    make_task: Callable[..., Any], ada: Any, echo: Any
) -> None:
    task = make_task(ada, publish="")
    client = client_of(ada)

    on = client.post(
        url(task, "edit"), {"definition": DEFINITION, "then": "try", "deployment": echo.slug}
    )
    page = client.get(on.url)
    assert "What it costs at most" in page.content.decode()
    assert not Run.objects.exists()
    values = {
        "version": page.context["version"].public_id,
        "models": [echo.slug],
        "once": page.context["once"],
    }
    answer = client.post(url(task, "try"), values)

    run = Run.objects.get()
    trial = run.item_trials.get()
    assert answer.url == f"/trials/{trial.public_id}/"
    assert run.purpose == "try"
    assert run.samples_total == 3
    again = client.post(url(task, "try"), values)
    assert again.url == answer.url
    assert Run.objects.count() == 1
    assert "Latest try:" in client.get(url(task, "edit")).content.decode()


def test_trying_a_draft_with_problems_shows_them(
    make_task: Callable[..., Any], ada: Any, echo: Any
) -> None:
    task = make_task(ada, publish="")

    answer = client_of(ada).post(
        url(task, "edit"), {"definition": "plumbmark: 2", "then": "try", "deployment": echo.slug}
    )

    assert answer.status_code == 422
    assert "must be 1" in answer.content.decode()


def test_publishing_says_what_it_means_and_makes_a_numbered_version(
    make_task: Callable[..., Any], ada: Any
) -> None:
    task = make_task(ada, publish="")
    client = client_of(ada)

    page = client.get(url(task, "publish")).content.decode()
    assert "This becomes version 1" in page
    assert "never changes" in page
    answer = client.post(url(task, "publish"), {"visibility": "public", "notes": "first"})
    assert answer.url == url(task, "detail")
    again = client.post(url(task, "publish"), {"visibility": "public"})

    assert again.status_code == 422
    assert "Nothing changed since version 1" in again.content.decode()
    assert client.post(url(task, "publish"), {"visibility": "secret"}).status_code == 422


def test_a_draft_with_problems_is_not_published(make_task: Callable[..., Any], ada: Any) -> None:
    task = make_task(ada, publish="", definition="plumbmark: 1")

    page = client_of(ada).get(url(task, "publish")).content.decode()
    answer = client_of(ada).post(url(task, "publish"), {"visibility": "public"})

    assert "is missing" in page
    assert "Publish version" not in page
    assert answer.status_code == 422


def test_settings_change_facts_and_visibility(make_task: Callable[..., Any], ada: Any) -> None:
    task = make_task(ada)
    client = client_of(ada)

    facts = {"title": "New name", "summary": "", "licence": "MIT", "tags": "", "citation": "C"}
    assert client.post(url(task, "settings"), facts).status_code == 302
    assert client.post(url(task, "settings"), {"part": "visibility", "visibility": "private"})
    task.refresh_from_db()

    assert (task.title, task.visibility, task.citation) == ("New name", "private", "C")
    assert client.post(url(task, "settings"), {"title": " "}).status_code == 422
    assert Client().get(url(task, "detail")).status_code == 404


def test_the_public_page_shows_what_is_asked_and_hides_what_is_private(
    make_task: Callable[..., Any], ada: Any
) -> None:
    definition = DEFINITION.replace(
        "target: answer}", "target: answer, split: {column: split, private: [held]}}"
    )
    task = make_task(ada, definition=definition, citation="Cite <me>")
    items = f"{url(task, 'detail')}versions/1/items/"

    page = Client().get(url(task, "detail")).content.decode()
    for_others, for_author = (
        client.get(items).content.decode() for client in (Client(), client_of(ada))
    )

    assert "Say thirteen." in page
    assert "Cite &lt;me&gt;" in page
    assert task.latest_version.canary in page
    assert "1 of them is private and not shown to you" in for_others
    assert "bold" not in for_others
    assert "Say &lt;b&gt;bold&lt;/b&gt;." in for_author
    assert "not shown to you" not in for_author


def test_the_public_page_tells_how_the_model_is_asked(
    make_task: Callable[..., Any], ada: Any
) -> None:
    ensure_baselines()
    definition = DEFINITION.replace(
        "scorers:",
        """\
  simulated_user: {model: baseline/echo, instructions: "Ask for <b>tea</b>.", max_turns: 3}
  scored: conversation
tools: [{type: calculator}]
limits: {max_steps: 7}
scorers:""",
    )
    page = Client().get(url(make_task(ada, definition=definition), "detail")).content.decode()

    assert "Tools that the model may call" in page
    assert "<summary>calculator</summary>" in page
    assert "7 calls of the model, 20 calls of tools" in page
    assert "at most 4,096 output tokens" in page
    assert "played by baseline/echo, for at most 3 answers, until it says DONE" in page
    assert "Ask for &lt;b&gt;tea&lt;/b&gt;." in page
    assert "the whole conversation" in page


def test_further_turns_and_the_schema_of_answers_stand_on_the_public_page(
    make_task: Callable[..., Any], ada: Any
) -> None:
    definition = DEFINITION.replace(
        "scorers:",
        """\
  follow_ups: ["Are you sure of {answer}?"]
  output_schema: {type: object, properties: {city: {type: string}}, required: [city]}
scorers:""",
    )
    page = Client().get(url(make_task(ada, definition=definition), "detail")).content.decode()

    assert "Are you sure of thirteen?" in page
    assert "JSON Schema that the answer should follow" in page
    assert "&quot;city&quot;" in page


def test_a_private_task_is_not_there_for_others(
    make_task: Callable[..., Any], ada: Any, bob: Any
) -> None:
    task = make_task(ada, publish="private")
    paths = [
        url(task, "detail"),
        f"{url(task, 'detail')}versions/1/",
        f"{url(task, 'detail')}versions/1/items/",
    ]

    for path in paths:
        assert Client().get(path).status_code == 404
        assert client_of(bob).get(path).status_code == 404
        assert client_of(ada).get(path).status_code == 200
    for name in ("run", "submit"):
        assert client_of(bob).get(url(task, name)).status_code == 404


def test_an_unpublished_task_is_a_page_for_its_author_alone(
    make_task: Callable[..., Any], ada: Any, bob: Any
) -> None:
    task = make_task(ada, publish="")

    assert "Not published yet" in client_of(ada).get(url(task, "detail")).content.decode()
    assert client_of(bob).get(url(task, "detail")).status_code == 404
    assert client_of(ada).get(url(task, "submit")).status_code == 404


def test_an_older_version_says_that_there_is_a_newer(
    make_task: Callable[..., Any], ada: Any
) -> None:
    from tasks_app.authoring import drafts, publication

    task = make_task(ada)
    drafts.save_draft(task=task, definition_text=DEFINITION, by=ada)
    publication.publish_task(task=task, notes="exact now", by=ada)

    old = Client().get(f"{url(task, 'detail')}versions/1/").content.decode()
    new = Client().get(url(task, "detail")).content.decode()

    assert "There is a newer version" in old
    assert "exact now" in new
    assert Client().get(f"{url(task, 'detail')}versions/3/").status_code == 404
    assert Client().get(f"{url(task, 'detail')}versions/{10**30}/").status_code == 404


def test_items_are_paged_by_position(make_task: Callable[..., Any], ada: Any) -> None:
    rows = [{"id": f"i{n}", "question": f"Say {n}", "answer": str(n)} for n in range(30)]
    task = make_task(ada, rows=rows)
    items = f"{url(task, 'detail')}versions/1/items/"

    first, second = Client().get(items), Client().get(items, {"from": "25"})

    assert first.content.decode().count('class="item"') == 25
    assert 'href="?from=25"' in first.content.decode()
    assert second.content.decode().count('class="item"') == 5
    assert 'href="?from=0"' in second.content.decode()
    for nonsense in ("x", "-1", "9" * 30, "1000"):
        assert Client().get(items, {"from": nonsense}).status_code == 404


def test_the_detail_page_takes_the_same_queries_whatever_its_length(
    make_task: Callable[..., Any],
    start: Callable[..., Any],
    ada: Any,
    django_assert_num_queries: Any,
    django_assert_max_num_queries: Any,
) -> None:
    task = make_task(ada)
    start(task, ada)
    client = Client()
    client.get(url(task, "detail"))
    with django_assert_max_num_queries(8) as counted:
        client.get(url(task, "detail"))
    for _ in range(3):
        start(task, ada)

    with django_assert_num_queries(len(counted)):
        client.get(url(task, "detail"))


def test_running_asks_first_and_says_what_declared_means(
    make_task: Callable[..., Any], ada: Any, bob: Any, echo: Any
) -> None:
    task = make_task(ada)
    client = client_of(bob)

    assert Client().get(url(task, "run")).url.startswith("/accounts/login/")
    form = client.get(url(task, "run")).content.decode()
    assert "What would it cost?" in form
    page = client.get(url(task, "run"), {"deployment": echo.slug, "purpose": "declared"})
    assert "A declared run is public from its start" in page.content.decode()
    assert not Run.objects.exists()
    assert client.post(url(task, "run"), page.context["hidden_fields"]).status_code == 302

    assert Run.objects.get().purpose == "declared"
    assert Run.objects.get().namespace == bob.namespace


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"deployment": "", "purpose": "declared"}, "This field is required."),
        ({"deployment": "nobody/none", "purpose": "declared"}, "Select a valid choice"),
        ({"deployment": "baseline/echo", "purpose": "secret"}, "Select a valid choice"),
        ({"deployment": "baseline/echo", "purpose": "declared", "temperature": "9"}, "less than"),
        ({"deployment": "baseline/echo", "purpose": "declared", "spend_limit": "much"}, "2.50"),
    ],
)
def test_a_refused_run_form_says_why(
    make_task: Callable[..., Any], ada: Any, echo: Any, given: dict[str, str], told: str
) -> None:
    task = make_task(ada)
    client = client_of(ada)

    for answer in (client.get(url(task, "run"), given), client.post(url(task, "run"), given)):
        assert answer.status_code == 422
        assert told in answer.content.decode()
    assert not Run.objects.exists()


def test_a_deployment_without_a_price_is_refused_before_the_start(
    make_task: Callable[..., Any], ada: Any, echo: Any
) -> None:
    task = make_task(ada)
    echo.price_cards.all().delete()
    given = {"deployment": echo.slug, "purpose": "exploratory"}

    assert "No price is known" in client_of(ada).get(url(task, "run"), given).content.decode()
    answer = client_of(ada).post(url(task, "run"), given)

    assert answer.status_code == 422
    assert "No price is known" in answer.content.decode()


def test_submitted_outputs_become_a_declared_run(
    make_task: Callable[..., Any], ada: Any, bob: Any
) -> None:
    task = make_task(ada)
    rows = b"".join(b'{"id": "q%d", "output": "eight"}\n' % n for n in (1, 2, 3, 4))

    page = client_of(bob).get(url(task, "submit")).content.decode()
    answer = client_of(bob).post(
        url(task, "submit"),
        {"model_name": "larch-3", "file": SimpleUploadedFile("o.jsonl", rows)},
    )

    run = Run.objects.get()
    assert "&quot;id&quot;: &quot;q1&quot;" in page
    assert "Declared, unverified" in page
    assert answer.url == f"/runs/{run.pk}/"
    assert "submitted, unverified" in Client().get(answer.url).content.decode()


def test_faults_of_a_file_of_outputs_are_told_by_line(
    make_task: Callable[..., Any], ada: Any
) -> None:
    task = make_task(ada)
    rows = b'{"id": "q1", "output": "a"}\n{"id": "zz", "output": "a"}\nnot json\n'

    answer = client_of(ada).post(
        url(task, "submit"), {"model_name": "m", "file": SimpleUploadedFile("o.jsonl", rows)}
    )

    assert answer.status_code == 422
    assert "Line 2" in answer.content.decode()
    assert "Line 3" in answer.content.decode()
    assert not Run.objects.exists()
    missing = client_of(ada).post(url(task, "submit"), {"model_name": ""})
    assert missing.status_code == 422


def test_a_task_with_private_items_takes_no_outputs(
    make_task: Callable[..., Any], ada: Any
) -> None:
    definition = DEFINITION.replace(
        "target: answer}", "target: answer, split: {column: split, private: [held]}}"
    )
    task = make_task(ada, definition=definition)

    assert (
        "does not accept submitted outputs"
        in client_of(ada).get(url(task, "submit")).content.decode()
    )


def test_the_profile_lists_the_tasks_that_the_viewer_may_see(
    make_task: Callable[..., Any], ada: Any
) -> None:
    make_task(ada, "Open words")
    make_task(ada, "My draft", publish="")

    for_anybody = Client().get("/people/ada/").content.decode()
    for_ada = client_of(ada).get("/people/ada/").content.decode()

    assert "Open words" in for_anybody
    assert "My draft" not in for_anybody
    assert "My draft" in for_ada


def test_the_schema_is_published() -> None:
    answer = Client().get("/schemas/task-definition.json")

    assert answer.json()["title"] == "Plumbmark task definition"
    assert answer.headers["Content-Type"] == "application/schema+json"
