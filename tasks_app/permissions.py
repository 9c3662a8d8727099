"""Who may see and do what with tasks and runs. Deny by default."""

from collections.abc import Iterable

from plumbmark.accounts.permissions import (
    Visitor,
    can_act_for,
    can_see_inside,
    is_person,
)
from plumbmark.common.errors import Conflict, NotAllowed
from plumbmark.gateway.models import Deployment
from tasks_app.models import Item, Run, Task, TaskVersion
from tasks_app.models.tasks import Visibility


def can_view_task(visitor: Visitor, task: Task) -> bool:
    if task.visibility != Visibility.PRIVATE and task.latest_version_id is not None:
        return True
    return task.pinned_version_id is not None or can_see_inside(visitor, task.namespace)


def sees_pinned_versions_alone(visitor: Visitor, task: Task) -> bool:
    """Return whether the visitor sees nothing of a private task but what stayed visible of it."""
    return task.visibility == Visibility.PRIVATE and not can_see_inside(visitor, task.namespace)


def can_edit_task(visitor: Visitor, task: Task) -> bool:
    return can_act_for(visitor, task.namespace)


def can_view_version(visitor: Visitor, version: TaskVersion) -> bool:
    """Allow versions that are not published yet for their authors only."""
    if version.state != TaskVersion.State.PUBLISHED:
        return can_see_inside(visitor, version.task.namespace)
    if version.pinned_at is not None:
        return True
    return can_view_task(visitor, version.task) and not sees_pinned_versions_alone(
        visitor, version.task
    )


def can_run_version(visitor: Visitor, version: TaskVersion) -> bool:
    return is_person(visitor) and can_view_version(visitor, version)


def can_view_private_items(visitor: Visitor, task: Task) -> bool:
    return can_see_inside(visitor, task.namespace)


def may_receive_private_items(deployment: Deployment, task: Task) -> bool:
    """Allow the platform's deployments, the task owner's own, and those that the owner allowed."""
    return (
        deployment.owner_id is None
        or deployment.owner_id == task.namespace_id
        or task.allowed_deployments.filter(deployment=deployment).exists()
    )


def check_private_items(version: TaskVersion, deployments: Iterable[Deployment]) -> None:
    """Refuse to send a version's items to deployments that may not receive its private ones."""
    if not version.private_item_count:
        return
    for deployment in deployments:
        if not may_receive_private_items(deployment, version.task):
            raise NotAllowed(
                "This task has private items, and they may not be sent to "
                f"{deployment.slug}. The task's owner, {version.task.namespace.handle}, can allow "
                f"it in the task's settings; its id is {deployment.public_id}. Deployments of the "
                "platform need no permission.",
                code="private-items",
            )


def can_view_item(visitor: Visitor, item: Item, task: Task) -> bool:
    return item.split == Item.Split.PUBLIC or can_view_private_items(visitor, task)


def can_label_answers(visitor: Visitor, task: Task) -> bool:
    """Say of judged answers whether they are right: the task's authors, who may see every item."""
    return can_edit_task(visitor, task)


def can_view_run(visitor: Visitor, run: Run) -> bool:
    """Allow a declared run for everyone who sees its task; others for their owners only."""
    if can_see_inside(visitor, run.namespace):
        return True
    return run.purpose == Run.Purpose.DECLARED and can_view_version(visitor, run.task_version)


def can_view_program(visitor: Visitor, run: Run) -> bool:
    """Allow the log and files of a run of code; with private data, only for its task's authors."""
    version = run.task_version
    if version.private_item_count and not can_view_private_items(visitor, version.task):
        return False
    return can_view_run(visitor, run)


def can_control_run(visitor: Visitor, run: Run) -> bool:
    """Pause, resume, cancel, retry."""
    return can_act_for(visitor, run.namespace)


def can_rescore_run(visitor: Visitor, run: Run, version: TaskVersion) -> bool:
    """Allow a scoring by the run's owner and by the task's: pure scorers are free."""
    return can_act_for(visitor, version.task.namespace) or (
        can_act_for(visitor, run.namespace) and can_view_version(visitor, version)
    )


def check_content(version: TaskVersion) -> None:
    """Refuse work with a version whose content was withdrawn."""
    if version.is_withheld:
        raise Conflict(
            f"The content of version {version.number} was withdrawn by its owner: "
            f"{version.withheld_reason}",
            code="withheld",
        )


def check_edit(task: Task, *, by: Visitor) -> None:
    """Refuse whoever may not edit the task."""
    if not can_edit_task(by, task):
        raise NotAllowed("This task belongs to somebody else.")
