"""Means under other weights, from the stored estimates of a snapshot's content.

Only point values: intervals, tests and ranges of ranks are those of the author's weights and are
not computed again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaderboards_app.board.rows import Row
from leaderboards_app.weights.addresses import ReaderWeights, task_weights
from plumbmark.scoring.estimates import round_digits
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.vectors import Floats
from plumbmark.scoring.weightings import (
    SEED,
    count_draws,
    leading_shares,
    rank_descending,
    weighted_means,
)

SCOPES = ("platform", "all")


@dataclass(frozen=True, slots=True)
class ReaderRank:
    """A row under the reader's weights."""

    value: float
    rank: int | None
    """Among the ranked rows of the scope; None for reference lines and rows without a rank."""


def normalised_values(content: Mapping[str, Any], row: Row) -> list[float] | None:
    """Return a row's scores by task, mapped to 0 … 1 so that 1 is best; None if it lacks one, or a
    metric has no bounds.
    """
    found = []
    for task, cell in zip(content["tasks"], row["tasks"], strict=True):
        value = normalised_value(task["metric"], cell["value"])
        if value is None:
            return None
        found.append(value)
    return found


def normalised_value(metric: Mapping[str, Any], value: float | None) -> float | None:
    """Return a score mapped to 0 … 1 so that 1 is best; None for none, or without bounds."""
    if value is None or metric["lower"] is None or metric["upper"] is None:
        return None
    scale = Metric(
        name=metric["name"],
        direction=metric["direction"],
        lower=metric["lower"],
        upper=metric["upper"],
    )
    return scale.normalise(value)


def rank_by_reader(
    content: Mapping[str, Any],
    chosen: ReaderWeights,
    tags: Sequence[Sequence[str]],
    scope: str,
) -> dict[str, ReaderRank]:
    """Return value and rank of each complete row under the reader's weights, by contender id."""
    weights = np.array(task_weights(chosen, content, tags))
    rows = [
        (row, values)
        for row in content["rows"]
        if row["status"] in {"ranked", "reference"}
        and (values := normalised_values(content, row)) is not None
    ]
    if not rows:
        return {}
    means = weighted_means(np.array([values for _row, values in rows]), weights)
    found = [(row, round_digits(float(mean))) for (row, _), mean in zip(rows, means, strict=True)]
    ranked = [(row, value) for row, value in found if row["ranks"][scope]]
    ranks = rank_descending([value for _row, value in ranked])
    rank_of = {row["contender"]["id"]: rank for (row, _), rank in zip(ranked, ranks, strict=True)}
    return {
        row["contender"]["id"]: ReaderRank(value, rank_of.get(row["contender"]["id"]))
        for row, value in found
    }


def compute_weightings(
    content: Mapping[str, Any], tags: Sequence[Sequence[str]]
) -> dict[str, Any] | None:
    """Return the document of a board's weightings; None for a board with nothing to weigh.

    `tags` are those of each task.
    """
    tasks = len(content["tasks"])
    if tasks < 2:
        return None
    scopes = {}
    draws = count_draws(len(content["rows"]), tasks)
    for scope in SCOPES:
        ranked = [
            (row["contender"]["id"], values)
            for row in content["rows"]
            if row["ranks"][scope] and (values := normalised_values(content, row)) is not None
        ]
        table: Floats = np.array([one for _id, one in ranked]).reshape(len(ranked), tasks)
        shares = leading_shares(table, draws=draws)
        scopes[scope] = {
            key: round(float(share), 6) for (key, _), share in zip(ranked, shares, strict=True)
        }
    return {
        "format": 1,
        "draws": draws,
        "seed": SEED,
        "tags": [list(one) for one in tags],
        "scopes": scopes,
    }
