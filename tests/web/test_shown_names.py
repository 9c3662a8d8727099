from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from plumbmark.common.errors import InvalidInput
from plumbmark.common.names import unseen_character_problem
from tasks_app.runs.contenders import submitted_contender


@pytest.mark.parametrize(
    "name", ["Ada", "Zoë 🦜", "👩‍🚀", "می‌خواهم", "数学", "<b>", "=1+1", "a b", "שלום"]
)
def test_names_of_any_script_are_taken(name: str) -> None:
    assert unseen_character_problem(name) is None


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("a\u202eb", "U+202E (right-to-left override)"),
        ("a\u200b", "U+200B (zero width space)"),
        ("\ufeffa", "U+FEFF"),
        ("a\nb", "U+000A (control character)"),
        ("a\x85", "U+0085"),
    ],
)
def test_a_character_that_is_not_seen_is_named(name: str, word: str) -> None:
    problem = unseen_character_problem(name)

    assert problem is not None
    assert word in problem


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tasks/new/", {"title": "Su\u200bms"}),
        ("/benchmarks/new/", {"title": "Su\u200bms", "claim": "x", "namespace": "ada"}),
        ("/settings/profile/", {"display_name": "A\u200bda", "bio": ""}),
    ],
)
def test_pages_refuse_such_names_beside_the_field(
    client: Client, open_account: Callable[..., Any], path: str, body: dict[str, str]
) -> None:
    client.force_login(open_account("ada"))

    answer = client.post(path, body)

    assert answer.status_code == 422
    assert "the invisible character U+200B" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("names", [{"label": "m\u202e1"}, {"label": "m", "maker": "A\u200bcme"}])
def test_a_submitted_model_s_names_stand_on_boards_as_they_read(
    open_account: Callable[..., Any], names: dict[str, str]
) -> None:
    ada = open_account("ada")

    with pytest.raises(InvalidInput, match="invisible character"):
        submitted_contender(namespace=ada.namespace, by=ada, **names)
