"""Making contenders."""

import json
from collections.abc import Mapping
from typing import Any

from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.permissions import can_act_for
from plumbmark.common.errors import InvalidInput, NotAllowed, Problem
from plumbmark.common.names import unseen_character_problem
from plumbmark.gateway.models import Deployment
from plumbmark.gateway.providers.baseline import RANKED_PROGRAMS
from plumbmark.gateway.providers.extra_body import (
    describe_allowed,
    find_disallowed,
    find_extra_body_problem,
)
from plumbmark.manifests import content_hash
from tasks_app.models import Contender

_NUMBERS = {"temperature": (0.0, 2.0), "top_p": (0.0, 1.0)}
_EFFORTS = ("minimal", "low", "medium", "high")


def contender_of_deployment(
    *, deployment: Deployment, configuration: Mapping[str, Any] | None = None, by: User | None
) -> Contender:
    """Return the contender of a deployment with a configuration; create it if it does not exist.

    `configuration` may contain `temperature`, `top_p`, `max_output_tokens`, `reasoning_effort`: the
    differences from the task's own sampling; and `extra_body`, where the deployment allows it.
    """
    if deployment.owner is not None and (by is None or not can_act_for(by, deployment.owner)):
        raise NotAllowed(f"{deployment.slug} belongs to somebody else.")
    checked = check_configuration(configuration or {})
    check_extra_body(checked, deployment)
    kind = Contender.Kind.RUN
    is_baseline = deployment.provider == Deployment.Provider.BASELINE
    if is_baseline and deployment.upstream_id not in RANKED_PROGRAMS:
        kind = Contender.Kind.BASELINE
    contender, _ = Contender.objects.get_or_create(
        deployment=deployment,
        configuration_hash=content_hash(checked),
        defaults={
            "kind": kind,
            "label": _label(deployment, checked),
            "maker": deployment.model.maker,
            "model": deployment.model,
            "configuration": checked,
            "owner": deployment.owner,
        },
    )
    return contender


def check_configuration(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with known keys and sane values; raise `InvalidInput` otherwise."""
    problems = []
    checked: dict[str, Any] = {}
    for key, value in configuration.items():
        if key in _NUMBERS:
            low, high = _NUMBERS[key]
            if isinstance(value, bool) or not isinstance(value, int | float):
                problems.append(Problem(f"must be a number from {low} to {high}", key))
            elif not low <= value <= high:
                problems.append(Problem(f"must be from {low} to {high}, not {value}", key))
            else:
                checked[key] = float(value)
        elif key == "max_output_tokens":
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
                problems.append(Problem("must be a whole number from 1 to 1,000,000", key))
            else:
                checked[key] = value
        elif key == "reasoning_effort":
            if value not in _EFFORTS:
                problems.append(Problem(f"must be one of {', '.join(_EFFORTS)}", key))
            else:
                checked[key] = value
        elif key == "extra_body":
            if problem := find_extra_body_problem(value):
                problems.append(Problem(problem, key))
            elif value:
                checked[key] = dict(value)
        else:
            known = ", ".join([*_NUMBERS, "max_output_tokens", "reasoning_effort", "extra_body"])
            problems.append(Problem(f"is not known; a configuration may contain {known}", key))
    if problems:
        raise InvalidInput(problems)
    return checked


def check_extra_body(configuration: Mapping[str, Any], deployment: Deployment) -> None:
    """Refuse fields of the extra body that the deployment does not allow, with `InvalidInput`."""
    names = find_disallowed(configuration.get("extra_body") or {}, deployment.options)
    if names:
        allowed = describe_allowed(deployment.slug, deployment.options)
        raise InvalidInput(
            [Problem(f"is not allowed. {allowed}", f"extra_body.{name}") for name in names]
        )


def submitted_contender(
    *, namespace: Namespace, label: str, maker: str = "", description: str = "", by: User
) -> Contender:
    """Return the declared, unverified model behind submitted outputs; one per label and
    namespace.
    """
    if not can_act_for(by, namespace):
        raise NotAllowed(f"You may not submit outputs on behalf of {namespace.handle}.")
    label = label.strip()
    if not label or len(label) > 120:
        raise InvalidInput([Problem("must have 1 to 120 characters", "model_name")])
    if len(maker) > 80:
        raise InvalidInput([Problem("must have at most 80 characters", "maker")])
    for name, text in (("model_name", label), ("maker", maker)):
        if unseen := unseen_character_problem(text):
            raise InvalidInput([Problem(unseen, name)])
    contender, _ = Contender.objects.get_or_create(
        owner=namespace,
        kind=Contender.Kind.SUBMITTED,
        label=label,
        deployment=None,
        defaults={
            "maker": maker,
            "description": description,
            "configuration_hash": content_hash({}),
        },
    )
    return contender


def _label(deployment: Deployment, configuration: Mapping[str, Any]) -> str:
    words = [
        f"{key.replace('_', ' ')} {value:g}"
        if isinstance(value, float)
        else f"{key.replace('_', ' ')} {value}"
        for key, value in sorted(configuration.items())
        if key != "extra_body"
    ]
    words += [
        f"{name}={json.dumps(value, ensure_ascii=False, separators=(',', ':'), sort_keys=True)}"
        for name, value in sorted(configuration.get("extra_body", {}).items())
    ]
    name = deployment.model.name
    return (f"{name} ({', '.join(words)})" if words else name)[:120]
