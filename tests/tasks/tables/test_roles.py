"""The roles that columns get, and the definitions that are written from them."""

from typing import Any

import pytest
import yaml

from plumbmark.common.errors import InvalidInput
from tasks_app.definitions import parse_definition
from tasks_app.tables.documents import profile_document, roles_document, roles_from
from tasks_app.tables.profiles import Profile, oddities_of, profile_rows
from tasks_app.tables.roles import Roles, check_roles, guess_roles
from tasks_app.tables.starts import change_columns, write_definition


def described(rows: list[dict[str, Any]]) -> Profile:
    return profile_rows(enumerate(rows, 1))


def guessed(rows: list[dict[str, Any]]) -> Roles:
    return guess_roles(described(rows))


LETTERS = [
    {
        "Nr": str(n),
        "Frage": f"Welche Farbe hat Ding {n}?",
        "A": f"rot {n}",
        "B": f"blau {n}",
        "C": f"grün {n}",
        "Antwort": "ABC"[n % 3],
        "Fach": ["Kunst", "Physik"][n % 2],
    }
    for n in range(12)
]


def test_multiple_choice_with_columns_of_letters() -> None:
    assert guessed(LETTERS) == Roles(
        kind="choices",
        question=("Frage",),
        answer="Antwort",
        options=("A", "B", "C"),
        target_is="letter",
        id="Nr",
        slices=("Fach",),
    )


@pytest.mark.parametrize(
    ("answers", "form"),
    [(["0", "1", "2"], "index"), (["1", "2", "3"], "number"), (["x", "y", "z"], "text")],
)
def test_the_answers_tell_how_they_name_an_option(answers: list[str], form: str) -> None:
    rows = [
        {"question": f"Q{n}?", "choices": ["x", "y", "z"], "answer": answers[n % 3]}
        for n in range(6)
    ]
    roles = guessed(rows)

    assert (roles.kind, roles.options, roles.target_is) == ("choices", ("choices",), form)


def test_marks_before_the_answer_are_offered() -> None:
    rows = [{"question": f"{n}+1?", "answer": f"We add.\n#### {n + 1}"} for n in range(30)]
    roles = guessed(rows)

    assert (roles.kind, roles.after) == ("number", "####")
    assert roles.why["after"] == "30 answers end in `#### number`"


def test_few_short_answers_are_classes() -> None:
    rows = [{"text": f"Review {n}", "label": ["good", "bad"][n % 2]} for n in range(20)]
    roles = guessed(rows)

    assert roles.kind == "classes"
    written = write_definition(roles, classes=["good", "bad"])
    assert "Answer with one of these alone: good, bad." in written


def test_passages_are_clusters_and_are_asked_before_the_question() -> None:
    rows = [
        {
            "passage": f"Passage {n // 3} " + "word " * 60,
            "question": f"What is said in {n}?",
            "answer": f"thing {n}",
            "split": ["public", "private"][n % 2],
        }
        for n in range(12)
    ]
    roles = guessed(rows)

    assert roles.cluster == "passage"
    assert roles.question == ("passage", "question")
    assert (roles.split, roles.private) == ("split", ("private",))


def test_a_table_without_an_answer_is_for_a_judge() -> None:
    roles = guessed([{"prompt": f"Write a poem about {n}."} for n in range(4)])

    assert (roles.kind, roles.question, roles.answer) == ("judge", ("prompt",), "")


@pytest.mark.parametrize("name", ["no", "1", "on", "null", "a: b", "#x", "Größe (cm)", "true"])
def test_strange_names_of_columns_survive_the_definition(name: str) -> None:
    roles = Roles(question=("q",), answer=name, id="id", slices=(name,))
    written = write_definition(roles)
    definition = parse_definition(written)

    assert yaml.safe_load(written)["data"]["target"] == name
    assert definition.data.target is not None
    assert definition.data.target.columns == (name,)
    assert definition.data.slices == (name,)


@pytest.mark.parametrize("kind", ["answer", "number", "choices", "classes", "json", "judge"])
def test_every_kind_is_a_definition_that_is_taken(kind: Any) -> None:
    roles = Roles(
        kind=kind,
        question=("q",),
        answer="a",
        options=("x", "y") if kind == "choices" else (),
        images=("photo",),
    )
    written = write_definition(roles, classes=["yes", "no {sic}"], judges=["baseline/echo"])

    assert parse_definition(written).prompt.media_parts


def test_changing_columns_keeps_comments_prompt_and_scorers() -> None:
    text = """\
plumbmark: 1
# Mine.
data:
  id: old   # the key
  target: answer
  slices: [topic]
prompt:
  messages:
    - {role: user, content: "{question}"}
scorers:
  - type: includes   # as agreed
"""
    changed = change_columns(text, Roles(question=("question",), answer="label", cluster="page"))

    assert yaml.safe_load(changed)["data"] == {"target": "label", "cluster": "page"}
    assert "# Mine." in changed
    assert "- type: includes   # as agreed" in changed


def test_what_is_odd_is_said_with_its_rows() -> None:
    rows: list[dict[str, Any]] = [
        {"q": "a", "a": 1, "e": ""},
        {"q": "a", "a": 1, "e": ""},
        {"q": "", "a": "x", "e": ""},
        {"q": "b", "a": 2, "e": ""},
    ]

    assert oddities_of(described(rows)) == [
        "1 row is equal to an earlier one (rows 2)",
        "column 'q' is blank in 1 row (rows 3)",
        "column 'a' mixes kinds: 3 number, 1 text",
        "column 'e' is empty",
    ]


def test_a_document_gives_the_roles_back() -> None:
    profile = described(LETTERS)
    document = profile_document(profile, guess_roles(profile))

    assert roles_from(document["roles"]) == guess_roles(profile)
    assert roles_document(Roles())["kind"] == "answer"
    assert document["columns"][5]["values"] == {"A": 4, "B": 4, "C": 4}


def test_roles_that_make_no_task_are_refused_with_all_problems() -> None:
    roles = Roles(kind="choices", question=("q", "gone"), answer="q", split="part")
    with pytest.raises(InvalidInput) as raised:
        check_roles(roles, ["q", "part"])

    assert [problem.path for problem in raised.value.problems] == [
        "question",
        "answer",
        "options",
        "private",
    ]
