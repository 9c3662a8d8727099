"""One draft in two tabs: what was written is never overwritten without a word."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client

from tasks_app.models import TaskDraft
from tests.tasks.authoring.test_pages import DEFINITION, client_of, url

pytestmark = pytest.mark.django_db


def fingerprint_in(client: Client, page: str) -> str:
    found = re.search(r'name="fingerprint" value="(\w+)"', client.get(page).content.decode())
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("page", "field", "stored"),
    [
        ("edit", "definition", lambda draft: draft.definition_text),
        ("edit-code", "settings", lambda draft: draft.code_settings),
    ],
)
def test_the_second_tab_is_told_and_decides(
    make_task: Callable[..., Any],
    open_account: Callable[..., Any],
    page: str,
    field: str,
    stored: Callable[[TaskDraft], str],
) -> None:
    ada = open_account("ada")
    task = make_task(ada, "Words", publish="")
    client, at = client_of(ada), url(task, page)
    texts = (
        [DEFINITION + "# first\n", DEFINITION + "# second\n"]
        if page == "edit"
        else ["timeout_minutes: 3\n", "timeout_minutes: 4\n"]
    )
    fingerprint = fingerprint_in(client, at)
    code = {"code": "print('plumbmark.result.json')\n"} if page == "edit-code" else {}

    first = client.post(at, {field: texts[0], "fingerprint": fingerprint, **code})
    second = client.post(at, {field: texts[1], "fingerprint": fingerprint, **code})

    assert first.status_code == 302
    assert second.status_code == 409
    shown = second.content.decode()
    assert "ada changed this draft" in shown
    assert texts[1].strip().splitlines()[-1] in shown
    assert stored(TaskDraft.objects.get(task=task)) == texts[0]

    found = re.search(r'name="fingerprint" value="(\w+)"', shown)
    assert found is not None
    again = client.post(at, {field: texts[1], "fingerprint": found[1], **code})

    assert again.status_code == 302
    assert stored(TaskDraft.objects.get(task=task)) == texts[1]


def test_saving_twice_in_one_tab_is_nothing_special(
    make_task: Callable[..., Any], open_account: Callable[..., Any]
) -> None:
    ada = open_account("ada")
    task = make_task(ada, "Words", publish="")
    client, at = client_of(ada), url(task, "edit")

    for text in (DEFINITION, DEFINITION + "# more\n"):
        answer = client.post(at, {"definition": text, "fingerprint": fingerprint_in(client, at)})
        assert answer.status_code == 302


def test_a_text_that_is_sent_after_the_session_has_ended_waits_for_the_sign_in(
    make_task: Callable[..., Any], open_account: Callable[..., Any]
) -> None:
    ada = open_account("ada")
    task = make_task(ada, "Words", publish="")
    stored = TaskDraft.objects.get(task=task)
    typed = f"{DEFINITION}# typed for an hour\n"
    client = Client()

    away = client.post(
        url(task, "edit"),
        {"definition": typed, "view": "text", "fingerprint": stored.fingerprint},
    )
    assert away.status_code == 302
    back = unquote(away["Location"].split("next=")[1])
    client.force_login(ada)
    page = client.get(back).content.decode()

    assert "# typed for an hour" in page
    assert "it is not saved yet" in page
    assert TaskDraft.objects.get(task=task).definition_text == stored.definition_text
    assert client_of(open_account("bob")).get(back).status_code == 404
    again = {"definition": typed, "view": "text", "fingerprint": fingerprint_in(client, back)}
    assert client.post(back, again).status_code == 302
    assert TaskDraft.objects.get(task=task).definition_text == typed


def test_what_another_tab_saved_meanwhile_is_no_less_a_conflict(
    make_task: Callable[..., Any], open_account: Callable[..., Any]
) -> None:
    ada = open_account("ada")
    task = make_task(ada, "Words", publish="")
    before = TaskDraft.objects.get(task=task).fingerprint
    client, other = Client(), client_of(ada)
    sent = {"definition": f"{DEFINITION}# first\n", "view": "text", "fingerprint": before}

    back = unquote(client.post(url(task, "edit"), sent)["Location"].split("next=")[1])
    saved = {"definition": f"{DEFINITION}# second\n", "view": "text", "fingerprint": before}
    assert other.post(url(task, "edit"), saved).status_code == 302
    client.force_login(ada)
    fingerprint = fingerprint_in(client, back)

    assert fingerprint == before
    assert client.post(back, {**sent, "fingerprint": fingerprint}).status_code == 409
    assert TaskDraft.objects.get(task=task).definition_text.endswith("# second\n")
