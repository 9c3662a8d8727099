"""The probe: five items asked before a run, by the same code as a try."""

from collections.abc import Sequence
from typing import Any

from plumbmark.accounts.models import Namespace, User
from plumbmark.gateway.models import Deployment
from tasks_app.draft_trials.actions import start_trial
from tasks_app.models import ItemTrial, TaskVersion
from tasks_app.preflight.queries import probe_positions
from tasks_app.runs.contenders import contender_of_deployment


def start_probe(
    *,
    version: TaskVersion,
    deployments: Sequence[Deployment],
    configuration: dict[str, Any],
    namespace: Namespace,
    by: User,
) -> ItemTrial:
    """Ask five items, drawn at random, once of each model. Not an attempt, and on no board."""
    return start_trial(
        version=version,
        contenders=[
            contender_of_deployment(deployment=one, configuration=configuration, by=by)
            for one in deployments
        ],
        namespace=namespace,
        positions=probe_positions(version),
        reason=ItemTrial.TrialReason.PREFLIGHT,
        by=by,
    )
