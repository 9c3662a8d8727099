"""The tasks of a benchmark as submitted files call them, and what judging them costs."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from benchmarks_app.models import BenchmarkTask
from benchmarks_app.submissions.reading import AnsweredTask
from plumbmark.accounts.models import Namespace
from tasks_app.models import Item
from tasks_app.runs.cost import TYPICAL_OUTPUT_BYTES, bound_scoring


def task_names(members: Sequence[BenchmarkTask]) -> list[list[str]]:
    """Return for each task the names that a file may call it by, the readable one first."""
    slugs = Counter(member.task_version.task.slug for member in members)
    names = []
    for number, member in enumerate(members, start=1):
        version = member.task_version
        slug = version.task.slug
        whole = f"{version.task.namespace.handle}/{slug}"
        readable = [slug, whole] if slugs[slug] == 1 else [whole]
        # The number is no name where another task is called so.
        numbers = [str(number)] if str(number) not in slugs else []
        names.append([*readable, *numbers, version.public_id, version.task.public_id])
    return names


def answered_tasks(members: Sequence[BenchmarkTask]) -> list[AnsweredTask]:
    """Return the tasks with the keys of their items. One query."""
    positions: dict[int, dict[str, int]] = defaultdict(dict)
    items = Item.objects.filter(version__in=[one.task_version_id for one in members])
    for version_id, key, position in items.values_list("version_id", "key", "position"):
        positions[version_id][key] = position
    return [
        AnsweredTask(
            number=number,
            slug=names[0],
            names=names,
            positions=dict(
                sorted(positions[member.task_version_id].items(), key=lambda pair: pair[1])
            ),
            repeats=member.task_version.repeats,
        )
        for number, (member, names) in enumerate(
            zip(members, task_names(members), strict=True), start=1
        )
    ]


def count_outputs(members: Sequence[BenchmarkTask]) -> int:
    return sum(one.task_version.item_count * one.task_version.repeats for one in members)


def bound_judging(members: Sequence[BenchmarkTask], *, payer: Namespace) -> int:
    """Return the most that judges cost for outputs of a typical length, in nanodollars."""
    return sum(
        bound_scoring(
            version=member.task_version, payer=payer, output_bytes=TYPICAL_OUTPUT_BYTES
        ).total
        for member in members
        if not member.task_version.is_withheld
    )
