"""The page of judges, and labelling answers one by one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from plumbmark.common.jobs import deliver_events
from plumbmark.gateway.actions import add_deployment, set_price, set_quota
from plumbmark.gateway.calls import runtime
from tasks_app.judges.actions import label_answer, make_label_set
from tasks_app.judges.queries import answer_stands_first, place_at
from tasks_app.models import JudgeLabel, LabelSet, TaskVersion
from tasks_app.runs.submissions import submit_outputs
from tests.fake_provider.process import FakeProvider

pytestmark = pytest.mark.django_db(transaction=True)

GRADED = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "Explain {question}."}]
scorers:
  - type: model_judge
    judges: [%s]
    %s
    rubric: %s
%s"""
RUBRIC = '"Is it {target}? \\n{output}"'


@pytest.fixture(scope="module")
def provider(fake_provider_process: FakeProvider) -> FakeProvider:
    fake_provider_process.configure()
    return fake_provider_process


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    user = open_account("ada")
    set_quota(namespace=user.namespace, day_cap=10**12, month_cap=10**13, by=None)
    return user


@pytest.fixture
def judged(
    ada: Any,
    provider: FakeProvider,
    make_task: Callable[..., Any],
    work: Callable[[], None],
    settings: Any,
    tmp_path: Any,
) -> Callable[..., TaskVersion]:
    """`judged("judge", mode=…)` → a version with two models' answers, judged."""
    provider.configure()
    settings.SPOOL_DIR = tmp_path / "spool"

    def make(*judges: str, extra: str = "", rubric: str = RUBRIC, metric: str = "") -> TaskVersion:
        for name in judges:
            deployment = add_deployment(
                slug=f"fake/{name.replace(':', '-')}",
                provider="openai",
                upstream_id=name,
                base_url=provider.url,
                by=None,
            )
            set_price(deployment=deployment, input_per_mtok=1, output_per_mtok=1, by=None)
        named = ", ".join(f"fake/{name.replace(':', '-')}" for name in judges)
        rows = [{"id": f"i{n}", "question": f"<b>q{n}</b>", "answer": f"a{n}"} for n in range(18)]
        task = make_task(
            ada, title="Judged", definition=GRADED % (named, extra, rubric, metric), rows=rows
        )
        version = task.latest_version
        for name in ("Aster", "Borage"):
            submit_outputs(
                version=version,
                model_name=name,
                maker="fake" if name == "Aster" else "Lithos",
                namespace=ada.namespace,
                rows=[{"id": f"i{n}", "output": f"a{n} <i>" if n % 3 else "no"} for n in range(18)],
                by=ada,
            )
        work()
        deliver_events()
        return version

    return make


@pytest.fixture(autouse=True)
def _shut(db: None) -> Iterator[None]:
    yield
    runtime.shutdown()


def as_user(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def judges_url(version: TaskVersion) -> str:
    return f"{version.get_absolute_url()}judges/"


def test_an_author_draws_labels_and_sees_what_came_of_it(
    ada: Any, judged: Callable[..., TaskVersion]
) -> None:
    version = judged("judge")
    client = as_user(ada)
    page = client.get(judges_url(version)).content.decode()
    assert "No answers have been labelled yet" in page
    assert "36 answers judged" in page

    answer = client.post(f"{judges_url(version)}labels/", {"size": "4"}, follow=True)
    url = answer.redirect_chain[-1][0]
    label_set = LabelSet.objects.get()
    assert url == f"/labels/{label_set.public_id}/0/"
    shown = answer.content.decode()
    assert "&lt;b&gt;q" in shown
    assert "Aster" not in shown
    assert "Borage" not in shown
    assert "fake/judge" not in shown

    answer = client.post(url, {"verdict": "skip"}, follow=True)
    assert answer.redirect_chain[-1][0] == f"/labels/{label_set.public_id}/1/"
    for position in (1, 2, 3, 0):
        answer = client.post(
            f"/labels/{label_set.public_id}/{position}/", {"verdict": "correct"}, follow=True
        )
    assert "Every answer of this set is labelled" in answer.content.decode()
    assert JudgeLabel.objects.filter(value=1.0).count() == 4

    page = client.get(judges_url(version)).content.decode()
    assert "4 blind labels" in page
    assert "4 of 4" in page
    stranger = Client().get(judges_url(version)).content.decode()
    assert "There are 4 labels so far" in stranger
    assert "blind labels" not in stranger


def test_a_wrong_verdict_is_told_and_a_label_can_be_changed(
    ada: Any, judged: Callable[..., TaskVersion]
) -> None:
    label_set = make_label_set(version=judged("judge"), size=2, by=ada)
    client = as_user(ada)
    url = f"/labels/{label_set.public_id}/0/"

    refused = client.post(url, {"verdict": "splendid"})
    assert refused.status_code == 422
    assert "Choose one of the buttons" in refused.content.decode()

    client.post(url, {"verdict": "correct"})
    client.post(url, {"verdict": "incorrect"})
    assert JudgeLabel.objects.get().value == 0.0
    assert "a new verdict replaces it" in client.get(url).content.decode()


def test_grades_are_labelled_on_their_scale(ada: Any, judged: Callable[..., TaskVersion]) -> None:
    version = judged(
        "judge:4",
        "judge:5",
        extra="scale: [1, 5]",
        metric="    metric: {name: grade, unit: points, bounds: [1, 5]}\n",
    )
    label_set = make_label_set(version=version, size=6, by=ada)
    client = as_user(ada)
    url = f"/labels/{label_set.public_id}/0/"

    refused = client.post(url, {"value": "9"})
    assert refused.status_code == 422
    assert "Must be from 1 to 5" in refused.content.decode()
    for wrong in ("", "nan", "many"):
        assert client.post(url, {"value": wrong}).status_code == 422
    for position in range(6):
        label_answer(place=place_at(label_set, position), value=4.0 + position % 2 / 2, by=ada)

    page = client.get(judges_url(version)).content.decode()
    assert "Mean distance" in page
    # Both judges give one grade to everything.
    assert "so κ is 0 whatever they say" in page


def test_a_comparison_is_blind_to_which_answer_is_the_models(
    ada: Any, judged: Callable[..., TaskVersion]
) -> None:
    version = judged("judge:first", "judge:tie", extra="mode: pairwise", rubric='"Which is right?"')
    label_set = make_label_set(version=version, size=8, by=ada)
    client = as_user(ada)

    firsts = set()
    for position in range(8):
        place = place_at(label_set, position)
        url = f"/labels/{label_set.public_id}/{position}/"
        assert "A is better" in client.get(url).content.decode()
        client.post(url, {"verdict": "first"})
        is_first = answer_stands_first(place)
        firsts.add(is_first)
        assert JudgeLabel.objects.get(label_sample=place).value == float(is_first)
    assert firsts == {True, False}

    page = client.get(judges_url(version)).content.decode()
    # Who prefers whatever comes first flips every time; who says tie never does.
    assert "36 of 36" in page
    assert "0 of 0" in page


def test_the_family_of_a_judge_is_told_by_labels(
    ada: Any, judged: Callable[..., TaskVersion]
) -> None:
    version = judged("judge")
    label_set = make_label_set(version=version, size=36, by=ada)

    for position in range(36):
        place = place_at(label_set, position)
        # Strict with Aster, whose maker is the judge's, so the judge seems to favour it.
        is_strict = place.sample.run.contender.label == "Aster" and position % 2
        right = place.sample.output.startswith("a") and not is_strict
        label_answer(place=place, value=float(right), by=ada)

    page = as_user(ada).get(judges_url(version)).content.decode()
    from tasks_app.models import JudgePanel

    (family,) = JudgePanel.objects.get().labelled["model_judge"]["families"].values()
    assert family["n_own"] == family["n_others"] == 18
    assert family["difference"] > 0.1
    assert f"{family['difference']:+.2f}" in page
    assert "people’s labels" in page
    # With thirty labels and more everybody sees it, on the task's page too.
    public = Client().get(version.get_absolute_url()).content.decode()
    assert "on 36 blind labels" in public
    assert "36 blind labels" in Client().get(judges_url(version)).content.decode()


def test_nobody_else_finds_the_labels(
    ada: Any, judged: Callable[..., TaskVersion], open_account: Callable[..., Any]
) -> None:
    version = judged("judge")
    label_set = make_label_set(version=version, size=2, by=ada)
    stranger = as_user(open_account("mallory"))

    for path in (f"/labels/{label_set.public_id}/", f"/labels/{label_set.public_id}/0/"):
        assert stranger.get(path).status_code == 404
        assert Client().get(path).status_code == 302
    assert (
        stranger.post(f"/labels/{label_set.public_id}/0/", {"verdict": "correct"}).status_code
        == 404
    )
    assert stranger.post(f"{judges_url(version)}labels/", {"size": "3"}).status_code == 403
    for path in ("", "/answers", "/answers/0", "/differences"):
        assert stranger.get(f"/api/v1/label-sets/{label_set.public_id}{path}").status_code in (
            403,
            404,
        )
    assert not JudgeLabel.objects.exists()


def test_the_api_labels_too(ada: Any, judged: Callable[..., TaskVersion]) -> None:
    version = judged("judge")
    client = as_user(ada)
    base = f"/api/v1/task-versions/{version.public_id}"

    def send(method: str, path: str, body: Any) -> Any:
        return getattr(client, method)(path, body, content_type="application/json")

    made = send("post", f"{base}/label-sets", {"size": 3, "seed": 5})
    assert made.status_code == 201, made.content
    path = f"/api/v1/label-sets/{made.json()['id']}"
    assert (made.json()["size"], made.json()["done"]) == (3, 0)
    answers = client.get(f"{path}/answers").json()["results"]
    assert [one["position"] for one in answers] == [0, 1, 2]
    assert answers[0]["words"] == ["correct", "incorrect"]
    assert "Aster" not in str(answers)

    assert send("put", f"{path}/answers/0", {"verdict": "fine"}).status_code == 422
    assert send("put", f"{path}/answers/0", {}).status_code == 422
    assert send("put", f"{path}/answers/7", {"verdict": "correct"}).status_code == 404
    assert client.get(f"{path}/differences").status_code == 409
    for position in range(3):
        put = send("put", f"{path}/answers/{position}", {"verdict": "incorrect"})
        assert put.json()["verdict"] == "incorrect"
    assert client.get(path).json()["done"] == 3
    right = sum(one["answers"][0].startswith("a") for one in answers)
    assert len(client.get(f"{path}/differences").json()) == right

    panel = client.get(f"{base}/judges").json()
    assert panel["labelled"]["model_judge"]["combined"]["n"] == 3
    assert Client().get(f"{base}/judges").json()["too_few"] == {"model_judge": 3}
    assert [one["id"] for one in client.get(f"{base}/label-sets").json()["results"]] == [
        made.json()["id"]
    ]


def test_a_task_without_judges_says_so(ada: Any, make_task: Callable[..., Any]) -> None:
    version = make_task(ada).latest_version

    assert "This task has no model judges" in Client().get(judges_url(version)).content.decode()


def test_the_page_costs_the_same_whatever_is_labelled(
    ada: Any, judged: Callable[..., TaskVersion], django_assert_max_num_queries: Any
) -> None:
    version = judged("judge")
    for _ in range(3):
        label_set = make_label_set(version=version, by=ada)
        for position in range(5):
            label_answer(place=place_at(label_set, position), value=1.0, by=ada)

    client = as_user(ada)
    with django_assert_max_num_queries(8):
        assert client.get(judges_url(version)).status_code == 200


def test_the_board_tells_how_far_its_judges_are_trusted(
    ada: Any, judged: Callable[..., TaskVersion]
) -> None:
    from benchmarks_app.actions.entries import enter
    from tasks_app.models import Contender
    from tests.factories import publish_benchmark, settle

    version = judged("judge")
    board = publish_benchmark(ada, [version])
    for contender in Contender.objects.filter(kind="submitted"):
        enter(version=board, contender=contender, by=ada)
    settle()
    url = board.benchmark.get_absolute_url()
    assert "agreement with people unknown" in Client().get(url).content.decode()

    label_set = make_label_set(version=version, size=32, by=ada)
    for position in range(32):
        place = place_at(label_set, position)
        value = float(place.sample.output.startswith("a"))
        label_answer(place=place, value=value, by=ada)
    settle()

    page = Client().get(url).content.decode()
    assert "κ 1.00 [" in page
    assert "on 32 blind labels" in page
