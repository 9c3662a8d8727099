"""Published tasks, benchmarks and rows on boards, made through the platform's own actions."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

CARD = dict.fromkeys(
    ("measures", "intended_use", "limits", "provenance", "licence", "contact"), "An answer."
)
DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "{question}"}]
scorers: [{type: exact}]
"""


def rows(count: int, title: str = "Numbers") -> list[dict[str, Any]]:
    return [
        {"id": f"i{n}", "question": f"{title}: say {n}", "answer": str(n)} for n in range(count)
    ]


def publish_task(
    user: Any,
    title: str = "Numbers",
    *,
    items: int = 4,
    definition: str = DEFINITION,
    visibility: str = "public",
    data: Sequence[Mapping[str, Any]] | None = None,
) -> Any:
    """Publish a version whose right answers are 0, 1, 2, …"""
    from tasks_app.authoring import actions as authoring
    from tasks_app.authoring import drafts, publication

    task = authoring.create_task(
        namespace=user.namespace, facts=authoring.TaskFacts(title=title), by=user
    )
    lines = "\n".join(json.dumps(row) for row in (data or rows(items, title)))
    drafts.save_draft(
        task=task,
        definition_text=definition,
        upload=SimpleUploadedFile("items.jsonl", lines.encode()),
        by=user,
    )
    return publication.publish_task(task=task, visibility=visibility, by=user)


def publish_benchmark(
    user: Any, versions: Sequence[Any], title: str = "World", **rules: Any
) -> Any:
    from benchmarks_app.actions import authoring

    benchmark = authoring.create_benchmark(
        namespace=user.namespace, title=title, claim="What is measured.", by=user
    )
    draft = authoring.draft_of(benchmark=benchmark, by=user)
    authoring.compose_draft(
        version=draft,
        members=[authoring.Member(version, Decimal(1)) for version in versions],
        card=CARD,
        by=user,
        **rules,
    )
    return authoring.publish_benchmark(version=draft, by=user)


def submit(user: Any, version: Any, name: str, right: int, *, maker: str = "") -> Any:
    """Submit outputs of which the first `right` are right."""
    from tasks_app.runs.submissions import submit_outputs

    outputs = [
        {"id": f"i{n}", "output": str(n) if n < right else "no"} for n in range(version.item_count)
    ]
    return submit_outputs(
        version=version,
        model_name=name,
        maker=maker,
        namespace=user.namespace,
        rows=outputs,
        by=user,
    )


def settle() -> None:
    """Do what workers and scheduler would, until nothing is due."""
    from benchmarks_app.jobs import follow_corrections
    from leaderboards_app.jobs import refresh_boards
    from leaderboards_app.models import BoardRefresh
    from plumbmark.common.jobs import deliver_events
    from plumbmark.common.models import OutboxEvent
    from tasks_app.jobs import work

    for _ in range(200):
        while work() != "nothing due":
            pass
        deliver_events()
        follow_corrections()
        refresh_boards()
        waiting = OutboxEvent.objects.filter(delivered_at__isnull=True).exists()
        if not waiting and not BoardRefresh.objects.exists():
            return
    raise AssertionError("the platform does not settle")
