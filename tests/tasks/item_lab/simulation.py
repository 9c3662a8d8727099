"""A task with planted faults, and simulated rows of known strength that ran on it."""

from collections.abc import Sequence
from typing import Any

from tasks_app.item_lab.jobs import refresh_analyses
from tests.factories import publish_task, settle

QUESTIONS = [
    "Name the capital city of France, with one word only",
    "How many legs does an ordinary spider have in total",
    "Which planet of the solar system is closest to the sun",
    "What is the chemical symbol of the element called gold",
    "In which year did the second world war come to an end",
    "Which gas do green plants take out of the air by day",
    "Who wrote the tragedy of Hamlet, prince of Denmark",
    "Which ocean lies between Africa and the two Americas",
    "How many minutes are there in two and a half hours",
    # The same as the one before but for its beginning.
    "So how many minutes are there in two and a half hours",
    "What is 3 + 4?",
    "What is 3 - 4?",
]
KEYS = ["Paris", "8", "Mercury", "Au", "1944", "CO2", "Shakespeare", "Atlantic", "150", "150"]
KEYS += ["7", "-1"]
WRONG_KEY, ALONE, ALL_RIGHT, NONE_RIGHT = 4, 6, 0, 5


def data() -> list[dict[str, Any]]:
    return [
        {"id": f"i{n}", "question": question, "answer": key}
        for n, (question, key) in enumerate(zip(QUESTIONS, KEYS, strict=True))
    ]


def answers(strength: int) -> list[str]:
    """Return the answers of a row of a strength from 0 to 7; the key of one item is wrong."""
    found = [
        key if 1 + n % 6 <= strength else f"wrong {n} {strength}" for n, key in enumerate(KEYS)
    ]
    found[ALL_RIGHT] = KEYS[ALL_RIGHT]
    found[NONE_RIGHT] = f"nobody {strength}"
    found[ALONE] = KEYS[ALONE] if strength == 3 else f"another {strength}"
    found[WRONG_KEY] = "1945" if strength >= 3 else KEYS[WRONG_KEY]
    return found


def submit(user: Any, version: Any, name: str, texts: Sequence[str], **more: Any) -> Any:
    from tasks_app.runs.submissions import submit_outputs

    rows = [{"id": f"i{n}", "output": text} for n, text in enumerate(texts)]
    return submit_outputs(
        version=version,
        model_name=name,
        maker="",
        namespace=user.namespace,
        rows=rows,
        by=user,
        **more,
    )


def publish(user: Any, visibility: str = "public") -> Any:
    return publish_task(user, data=data(), visibility=visibility)


def run_all(user: Any, version: Any) -> list[Any]:
    runs = [submit(user, version, f"Model {n}", answers(n)) for n in range(8)]
    settle()
    refresh_analyses()
    return runs
