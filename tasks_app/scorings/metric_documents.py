"""Metrics of a version as plain data: what pages, snapshots and the API show of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plumbmark.scoring.metrics import Metric
from tasks_app.definitions.document import RunMetricSpec
from tasks_app.definitions.run_metrics import run_metric_meaning
from tasks_app.models import TaskVersion


@dataclass(frozen=True, slots=True)
class SecondaryMetric:
    """A metric beside the main one: of a further scorer, or of the whole run."""

    scorer: str
    """The name of the scorer, or of the metric of the run, in the definition."""
    metric: Metric
    format: str | None
    is_of_run: bool = False
    """No mean over items."""

    @property
    def label(self) -> str:
        """Return what it is called on its own: most scorers leave their metric's name out."""
        return self.metric.name if self.is_of_run else self.scorer

    def as_document(self) -> dict[str, Any]:
        """Return the metric as `metric_document` does, with the scorer's name."""
        return {"scorer": self.scorer, **_document(self.metric, self.format)}


def metric_document(version: TaskVersion) -> dict[str, Any]:
    """Return the main metric: name, direction, unit, lower, upper, and format where it has one."""
    metric = {
        "name": version.metric_name,
        "direction": version.metric_direction,
        "unit": version.metric_unit,
        "lower": version.metric_lower,
        "upper": version.metric_upper,
    }
    if chosen := _main_document(version).get("format"):
        metric["format"] = chosen
    return metric


def secondary_metrics(version: TaskVersion) -> list[SecondaryMetric]:
    """Return the metrics of all scorers but the main one, then those of the whole run, each in the
    order of the definition.
    """
    return [*_further_scorers(version), *_run_metrics(version)]


def _run_metrics(version: TaskVersion) -> list[SecondaryMetric]:
    definition: Mapping[str, Any] = version.definition or {}
    specs = [RunMetricSpec(**one) for one in definition.get("metrics", ())]
    return [
        SecondaryMetric(spec.name, run_metric_meaning(spec), None, is_of_run=True) for spec in specs
    ]


def _further_scorers(version: TaskVersion) -> list[SecondaryMetric]:
    return [
        SecondaryMetric(
            scorer["name"],
            Metric(**{name: one for name, one in scorer["metric"].items() if name != "format"}),
            scorer["metric"].get("format"),
        )
        for scorer in _scorers_of(version)
        if scorer["name"] != version.definition["main"]
    ]


def _document(metric: Metric, chosen: str | None) -> dict[str, Any]:
    return {
        "name": metric.name,
        "direction": metric.direction,
        "unit": metric.unit,
        "lower": metric.lower,
        "upper": metric.upper,
        **({"format": chosen} if chosen else {}),
    }


def _scorers_of(version: TaskVersion) -> Sequence[Mapping[str, Any]]:
    """Return the stored scorers; programs have none."""
    definition: Mapping[str, Any] = version.definition or {}
    scorers: Sequence[Mapping[str, Any]] = definition.get("scorers", ())
    return scorers


def _main_document(version: TaskVersion) -> Mapping[str, Any]:
    """Return the main metric as the definition has it; empty if it has none."""
    definition: Mapping[str, Any] = version.definition or {}
    if found := definition.get("metric"):
        return dict(found)
    main = definition.get("main")
    return next((one["metric"] for one in _scorers_of(version) if one["name"] == main), {})
