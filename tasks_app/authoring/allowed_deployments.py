"""Deployments of other people to which a task's owner lets private items be sent."""

from django.db import transaction
from django.db.models import QuerySet

from plumbmark.accounts.models import User
from plumbmark.common import audit
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.gateway.models import Deployment
from plumbmark.gateway.queries import callable_deployments
from tasks_app.models import AllowedDeployment, Task
from tasks_app.permissions import check_edit


def allowed_deployments_of(task: Task) -> QuerySet[AllowedDeployment]:
    """Return the permissions of a task, the oldest first."""
    return task.allowed_deployments.select_related("deployment__owner", "added_by").order_by("id")


def find_any_deployment(name: str, *, task: Task) -> Deployment:
    """Return a deployment by its id, or by its name if the task's owner can call it.

    Other people's deployments are not listed, so that their names cannot be tried out: the id is
    what their owner passes on.
    """
    found = (
        Deployment.objects.filter(public_id=name, is_active=True).first()
        or callable_deployments(to=task.namespace).filter(slug=name).first()
    )
    if found is None:
        message = (
            f"there is no deployment with the id {name[:60]!r}; ask its owner, who finds the id in "
            "the list of deployments of the API"
        )
        raise InvalidInput([Problem(message, "deployment")])
    return found


def allow_deployment(*, task: Task, deployment: Deployment, by: User) -> None:
    """Let the task's private items be sent to this deployment from now on."""
    check_edit(task, by=by)
    with transaction.atomic():
        AllowedDeployment.objects.get_or_create(
            task=task, deployment=deployment, defaults={"added_by": by}
        )
        audit.record(
            "allow-deployment", f"task:{task.public_id}", by=by, deployment=deployment.slug
        )


def disallow_deployment(*, task: Task, deployment: Deployment, by: User) -> None:
    """Withdraw the permission: no run starts or goes on there. What was sent cannot be undone."""
    check_edit(task, by=by)
    with transaction.atomic():
        AllowedDeployment.objects.filter(task=task, deployment=deployment).delete()
        audit.record(
            "disallow-deployment", f"task:{task.public_id}", by=by, deployment=deployment.slug
        )
