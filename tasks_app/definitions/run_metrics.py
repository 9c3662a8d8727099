"""Metrics of a whole run: the scorers whose answers they can take, and their meaning."""

from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.run_metrics.measures import LABEL_METRICS, NUMBER_METRICS
from tasks_app.definitions.document import RunMetricSpec, ScorerSpec

LABEL_SCORERS = ("exact", "regex", "multiple_choice")
NUMBER_SCORERS = ("numeric",)
_SIGNED = ("matthews", "pearson", "spearman")
_TITLES = {
    "macro_f1": "macro F1",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "matthews": "Matthews coefficient",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "brier": "Brier score",
    "ece": "expected calibration error",
}


def find_scorer_problem(metric_type: str, scorer: ScorerSpec) -> str | None:
    """Return why a metric cannot take the answers of a scorer; None if it can."""
    if metric_type in LABEL_METRICS and scorer.type not in LABEL_SCORERS:
        known = ", ".join(LABEL_SCORERS)
        return f"{metric_type} needs a scorer that reads one label ({known}), not {scorer.type}"
    if metric_type in NUMBER_METRICS and scorer.type not in NUMBER_SCORERS:
        return f"{metric_type} needs the scorer numeric, not {scorer.type}"
    if (scorer.metric.lower, scorer.metric.upper) != (0, 1):
        return f"{metric_type} needs a scorer whose scores are from 0 to 1"
    return None


def run_metric_meaning(spec: RunMetricSpec) -> Metric:
    """Return what the numbers of a metric mean: its title, its bounds and which way is better."""
    is_error = spec.type in ("brier", "ece")
    return Metric(
        name=_TITLES[spec.type],
        direction="lower" if is_error else "higher",
        unit="",
        lower=-1.0 if spec.type in _SIGNED else 0.0,
        upper=1.0,
    )
