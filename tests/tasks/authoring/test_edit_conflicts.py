"""One draft in two tabs: what was written is never overwritten without a word."""

import re
from collections.abc import Callable
from typing import Any

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
