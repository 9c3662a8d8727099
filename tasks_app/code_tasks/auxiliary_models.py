"""The models that a program may ask besides the one that is measured, found on this platform."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from plumbmark.accounts.models import Namespace
from plumbmark.gateway.catalogue.model_names import other_names, slugs_named
from plumbmark.gateway.models import Deployment
from plumbmark.gateway.queries import callable_deployments
from tasks_app.code_tasks.definition import CodeDefinition
from tasks_app.code_tasks.findings import Finding, error, warning
from tasks_app.code_tasks.source.inspection import Inspection


@dataclass(frozen=True, slots=True)
class AuxiliaryModels:
    """The models that are asked besides; `missing` are names without exactly one deployment."""

    judge: Deployment | None = None
    by_name: Mapping[str, Deployment] = field(default_factory=dict)
    """By the names that the settings and the code use."""
    missing: tuple[str, ...] = ()

    @property
    def deployments(self) -> list[Deployment]:
        """Each once."""
        found = [*self.by_name.values(), *([self.judge] if self.judge else [])]
        return list({one.pk: one for one in found}.values())

    def as_parameters(self) -> dict[str, Any]:
        """Return what a run freezes of it; empty where nobody else is asked."""
        parameters: dict[str, Any] = {}
        if self.judge is not None:
            parameters["judge"] = self.judge.slug
        if self.by_name:
            parameters["models"] = {name: one.slug for name, one in self.by_name.items()}
        return parameters


def find_auxiliary_models(definition: CodeDefinition, *, payer: Namespace) -> AuxiliaryModels:
    """Return the models that the code of a version may call when `payer` pays; two queries at
    most.
    """
    wanted = dict.fromkeys([*definition.models, *definition.named])
    if not (wanted or definition.judge):
        return AuxiliaryModels()
    callable_ones = {one.slug: one for one in callable_deployments(to=payer)}
    others = other_names(callable_ones.values())
    found: dict[str, Deployment] = {}
    missing = []
    for name in dict.fromkeys([*filter(None, [definition.judge]), *wanted]):
        slugs = slugs_named(name, callable_ones, others)
        if len(slugs) == 1:
            found[name] = callable_ones[slugs[0]]
        else:
            missing.append(name)
    return AuxiliaryModels(
        judge=found.get(definition.judge),
        by_name={name: one for name, one in found.items() if name in wanted},
        missing=tuple(missing),
    )


def findings_of_models(
    definition: CodeDefinition, inspection: Inspection, *, payer: Namespace
) -> Iterator[Finding]:
    """Return findings for names that are unknown on this platform, and for a judge that is the
    candidate.
    """
    lines = {model.name: model.line for model in inspection.models}
    for name in find_auxiliary_models(definition, payer=payer).missing:
        is_needed = name == definition.judge or name in definition.models
        tell = error if is_needed else warning
        yield tell(
            "unknown-model",
            f"There is no model {name!r} on this platform that you may call.",
            "GET /v1/models lists them.",
            line=lines.get(name),
        )
    if inspection.judge_line is not None and not definition.judge:
        yield warning(
            "own-judge",
            "The code asks the SDK's judge, and none is named: every model would judge itself.",
            "Name one in the settings, as `judge: maker/model`.",
            line=inspection.judge_line,
        )
