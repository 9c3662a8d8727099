"""The playground: asked by a form, read back from the recorded calls."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from plumbmark.gateway.actions import (
    add_deployment,
    ensure_baselines,
    set_price,
    set_quota,
)
from plumbmark.gateway.calls import runtime
from plumbmark.gateway.models import Call, Deployment
from tasks_app.models import Task, TaskDraft
from tests.fake_provider.process import FakeProvider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def provider(fake_provider: FakeProvider) -> FakeProvider:
    return fake_provider


@pytest.fixture
def models(provider: FakeProvider, settings: Any, tmp_path: Any) -> Iterator[dict[str, str]]:
    """Return two deployments of a real server and a baseline, by name."""
    settings.SPOOL_DIR = tmp_path / "spool"
    ensure_baselines()
    for kind in ("openai", "gemini"):
        deployment = add_deployment(
            slug=f"fake/{kind}",
            provider=kind,
            upstream_id="echo",
            base_url=provider.url,
            by=None,
        )
        set_price(deployment=deployment, input_per_mtok=10**9, output_per_mtok=10**9, by=None)
    yield dict(Deployment.objects.values_list("slug", "public_id"))
    runtime.shutdown()


@pytest.fixture
def ada(open_account: Any) -> Any:
    user = open_account(handle="ada")
    set_quota(namespace=user.namespace, day_cap=10**12, month_cap=10**13, by=None)
    return user


@pytest.fixture
def browser(ada: Any) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def ask(browser: Client, models: list[str], **more: Any) -> Any:
    form = {"prompt": "Say <b>hello</b>.", "models": models, "max_output_tokens": 64, **more}
    return browser.post(reverse("tasks:playground"), form)


def test_models_answer_side_by_side_and_every_call_is_on_record(
    browser: Client, models: dict[str, str]
) -> None:
    chosen = [models[name] for name in ("fake/openai", "fake/gemini", "baseline/echo")]
    answer = ask(browser, chosen, system="Be brief.", temperature="0.5")
    assert answer.status_code == 302
    page = browser.get(answer["Location"])
    text = page.content.decode()
    assert text.count("Say &lt;b&gt;hello&lt;/b&gt;.") >= 4
    assert "<b>hello" not in text
    calls = Call.objects.filter(grant__subject="playground")
    assert calls.count() == 3
    assert all(call.role == "playground" for call in calls)
    assert sum(calls.values_list("charged", flat=True)) > 0
    form = page.context["form"]
    assert form.initial["system"] == "Be brief."
    assert form.initial["temperature"] == 0.5
    assert form.initial["max_output_tokens"] == 64
    assert form.initial["models"] == [
        models[name] for name in ("baseline/echo", "fake/gemini", "fake/openai")
    ]


def test_a_prompt_and_its_answer_become_a_tasks_first_item(
    browser: Client, models: dict[str, str]
) -> None:
    asked = ask(browser, [models["fake/openai"]], system="Use {braces}.")["Location"]
    answer = browser.post(f"{asked}task/", {"deployment": models["fake/openai"]})
    task = Task.objects.get()
    assert answer["Location"] == reverse("tasks:edit", args=["ada", task.slug])
    assert task.visibility == "private"
    editor = browser.get(answer["Location"]).content.decode()
    assert "Say &lt;b&gt;hello&lt;/b&gt;." in editor
    assert "Use {braces}." in editor
    draft = TaskDraft.objects.get(task=task)
    assert draft.data_file is not None
    with draft.data_file.file.open("rb") as file:
        assert b'"answer":"Say <b>hello</b>."' in file.read()


def test_another_persons_question_is_not_there(
    browser: Client, models: dict[str, str], open_account: Any
) -> None:
    asked = ask(browser, [models["fake/openai"]])["Location"]
    eve = Client()
    eve.force_login(open_account(handle="eve"))
    assert eve.get(asked).status_code == 404
    assert eve.post(f"{asked}task/", {"deployment": models["fake/openai"]}).status_code == 404
    assert asked.encode() not in eve.get(reverse("tasks:playground")).content
    assert Client().get(asked).status_code == 302


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"prompt": " "}, "Write what to ask"),
        ({"prompt": "x" * 100_001}, "at most 100000"),
        ({"models": []}, "This field is required"),
        ({"models": ["nothing"]}, "Select a valid choice"),
        ({"temperature": "hot"}, "Enter a number"),
        ({"max_output_tokens": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_form_that_cannot_be_asked_says_why(
    browser: Client, models: dict[str, str], change: dict[str, Any], says: str
) -> None:
    form = {
        "prompt": "Hello",
        "models": [models["baseline/echo"]],
        "max_output_tokens": 16,
        **change,
    }
    answer = browser.post(reverse("tasks:playground"), form)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Call.objects.exists()


def test_too_many_models_and_an_exhausted_quota_are_told(
    browser: Client, models: dict[str, str], ada: Any
) -> None:
    many = [public_id for slug, public_id in models.items() if slug.startswith("baseline/")]
    extra = [models["fake/openai"], models["fake/gemini"]]
    answer = ask(browser, [*many, *extra, *extra][:7])
    if len({*many, *extra}) > 6:
        assert "one to 6 models" in answer.content.decode()
    set_quota(namespace=ada.namespace, day_cap=1, month_cap=1, by=None)
    answer = ask(browser, [models["fake/openai"]])
    assert answer.status_code == 422
    assert "does not cover this call" in answer.content.decode()


def test_a_model_that_fails_says_so_beside_the_others(
    browser: Client, models: dict[str, str], provider: FakeProvider
) -> None:
    provider.configure(models={"echo": "overflow"})
    chosen = [models["fake/openai"], models["baseline/echo"]]
    page = browser.get(ask(browser, chosen)["Location"]).content.decode()
    assert "No answer" in page
    assert "Say &lt;b&gt;hello&lt;/b&gt;." in page


def test_a_model_that_could_not_be_asked_is_told_beside_the_others_answers(
    browser: Client, models: dict[str, str], provider: FakeProvider
) -> None:
    add_deployment(
        slug="fake/dear", provider="openai", upstream_id="echo", base_url=provider.url, by=None
    )
    dear = Deployment.objects.get(slug="fake/dear").public_id

    answer = ask(browser, [models["baseline/echo"], dear])

    page = browser.get(answer["Location"]).content.decode()
    assert re.search(r"fake/dear was not called: [^<]*price", page)
