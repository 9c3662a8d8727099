"""Runs to compare: submitted outputs, item by item."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.factories import publish_task

SLICED = """\
plumbmark: 1
data: {id: id, target: answer, slices: [topic]}
prompt:
  messages: [{role: user, content: "{question}"}]
scorers: [{type: exact}]
"""


def sliced_rows(count: int) -> list[dict[str, Any]]:
    """Return items i0, i1, … with a topic."""
    return [
        {
            "id": f"i{n}",
            "question": f"Say {n}",
            "answer": str(n),
            "topic": "odd" if n % 2 else "even",
        }
        for n in range(count)
    ]


def publish_sliced(user: Any, count: int = 40, **given: Any) -> Any:
    """Publish a task with slices."""
    return publish_task(user, definition=SLICED, data=sliced_rows(count), **given)


def make_private(version: Any, positions: Sequence[int]) -> None:
    """Make items private, after outputs were submitted, which private items do not allow."""
    from tasks_app.models import Item, TaskVersion

    Item.objects.filter(version=version, position__in=positions).update(split="private")
    TaskVersion.objects.filter(pk=version.pk).update(private_item_count=len(positions))


def submit_outputs_of(
    user: Any,
    version: Any,
    name: str,
    right: Sequence[int],
    others: Mapping[int, str] | None = None,
) -> Any:
    """Submit the right answer to some items and `no`, or what `others` says, to the others."""
    from tasks_app.runs.submissions import submit_outputs

    said = others or {}
    rows = [
        {"id": f"i{n}", "output": said.get(n, str(n) if n in right else "no")}
        for n in range(version.item_count)
    ]
    return submit_outputs(
        version=version, model_name=name, maker="", namespace=user.namespace, rows=rows, by=user
    )
