"""Panels of judges as pages show them."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from plumbmark.scoring.scorers import ModelJudge
from tasks_app.judges.queries import VisiblePanel
from tasks_app.scorings.score_display import ScoreDisplay


def format_share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"


def kappa_context(document: Mapping[str, Any]) -> ScoreDisplay:
    """Return κ with its interval, or the reason why there is none."""
    kappa, low, high = (document.get(name) for name in ("kappa", "low", "high"))
    if kappa is None:
        return ScoreDisplay(missing=document.get("note") or _("undefined"))
    return ScoreDisplay(
        estimate=f"{kappa:.2f}",
        low="" if low is None else f"{low:.2f}",
        high="" if high is None else f"{high:.2f}",
        bar_estimate=max(0.0, kappa),
        bar_low=max(0.0, kappa if low is None else low),
        bar_high=max(0.0, kappa if high is None else high),
    )


def trust_context(trust: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line about judges as texts; `kappa` only with an interval."""
    numbers = [trust.get(name) for name in ("kappa", "low", "high")]
    has_interval = all(one is not None for one in numbers)
    kappa, low, high = (f"{one:.2f}" if has_interval and one is not None else "" for one in numbers)
    return {
        "judges": trust["judges"],
        "labels": trust["labels"],
        "share": format_share(trust.get("share_equal")),
        "kappa": kappa,
        "low": low,
        "high": high,
    }


def panel_sections(scorers: Mapping[str, ModelJudge], panel: VisiblePanel) -> list[dict[str, Any]]:
    """Return one section per judging scorer: tables of texts."""
    return [
        _section(name, scorer, panel.judged.get(name), panel.labelled.get(name))
        | {
            "id": f"judges-{number}",
            "too_few": panel.too_few.get(name, 0),
            "several": len(scorers) > 1,
        }
        for number, (name, scorer) in enumerate(scorers.items(), start=1)
    ]


def _section(
    name: str,
    scorer: ModelJudge,
    judged: Mapping[str, Any] | None,
    labelled: Mapping[str, Any] | None,
) -> dict[str, Any]:
    return {
        "name": name,
        "mode": scorer.mode,
        "scale": scorer.scale,
        "judges": scorer.judges,
        "answers": judged["answers"] if judged else 0,
        "labels": labelled["labels"] if labelled else 0,
        "people": labelled["people"] if labelled else 0,
        "carried": labelled.get("carried", 0) if labelled else 0,
        "against": _against(scorer, labelled) if labelled else [],
        "between": [
            {"first": one["first"], "second": one["second"], **_agreement(one)}
            for one in (judged["between"] if judged else [])
        ],
        "flips": [_flip(judge, one) for judge, one in judged["flips"].items()] if judged else [],
        "families": _families(scorer, judged, labelled),
        "no_verdict": [
            {"judge": judge, "count": count}
            for judge, count in (judged["no_verdict"].items() if judged else ())
            if count
        ],
    }


def _against(scorer: ModelJudge, labelled: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = [{"judge": judge, **_agreement(one)} for judge, one in labelled["judges"].items()]
    for row in rows:
        row["table"] = _confusion(scorer, labelled["judges"][row["judge"]])
    if len(rows) > 1:
        # Comparisons are always averaged.
        is_vote = scorer.combine == "vote" and scorer.mode == "grade"
        together = _("All together, by vote") if is_vote else _("All together, by their mean")
        rows.insert(
            0,
            {
                "judge": together,
                "is_combined": True,
                **_agreement(labelled["combined"]),
                "table": _confusion(scorer, labelled["combined"]),
            },
        )
    return rows


def _agreement(document: Mapping[str, Any]) -> dict[str, Any]:
    distance = document["mean_distance"]
    return {
        "n": document["n"],
        "clusters": document["n_clusters"],
        "share": format_share(document["share_equal"]),
        "kappa": kappa_context(document),
        "note": document["note"],
        "distance": "" if distance is None else f"{distance:.2f}",
    }


_MAX_COLUMNS = 12


def _confusion(scorer: ModelJudge, document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return labels in rows, verdicts in columns; None if there are too many different grades to
    show.
    """
    counts = {(first, second): count for first, second, count in document["table"]}
    rows = sorted({first for first, _second in counts}, reverse=True)
    columns = sorted({second for _first, second in counts}, reverse=True)
    if not rows or len(rows) > _MAX_COLUMNS or len(columns) > _MAX_COLUMNS:
        return None
    return {
        "columns": [verdict_words(scorer, one) for one in columns],
        "rows": [
            {
                "label": verdict_words(scorer, row),
                "cells": [
                    {"count": counts.get((row, column), 0), "is_equal": row == column}
                    for column in columns
                ],
            }
            for row in rows
        ],
    }


def verdict_words(scorer: ModelJudge, value: float) -> str:
    if scorer.scale is not None:
        return f"{value:g}"
    if scorer.mode == "pairwise":
        known = {1.0: _("the answer"), 0.0: _("the target"), 0.5: _("tie")}
    else:
        known = {1.0: _("correct"), 0.0: _("incorrect"), 0.5: _("undecided")}
    return str(known.get(value, f"{value:g}"))


def _flip(judge: str, document: Mapping[str, Any]) -> dict[str, Any]:
    value = document["value"]
    display = (
        ScoreDisplay(missing=_("no pair has both orders"))
        if value is None
        else ScoreDisplay(
            estimate=format_share(value),
            low=format_share(document["low"]),
            high=format_share(document["high"]),
            bar_estimate=value,
            bar_low=document["low"],
            bar_high=document["high"],
        )
    )
    return {
        "judge": judge,
        "share": display,
        **{name: document[name] for name in ("pairs", "flipped", "for_the_first", "wavered")},
    }


def _families(
    scorer: ModelJudge,
    judged: Mapping[str, Any] | None,
    labelled: Mapping[str, Any] | None,
) -> list[dict[str, Any]]:
    """Compare with labels if both groups have some, else with the other judges."""
    rows = []
    for judge in scorer.judges:
        by_labels = labelled["families"].get(judge) if labelled else None
        by_others = judged["families"].get(judge) if judged else None
        found, reference = by_others, _("the other judges")
        if by_labels and by_labels["difference"] is not None:
            found, reference = by_labels, _("people’s labels")
        if found is None:
            continue
        rows.append(
            {
                "judge": judge,
                "maker": found["maker"],
                "reference": reference,
                "own": found["n_own"],
                "others": found["n_others"],
                "difference": _format_signed(found["difference"]),
                "low": _format_signed(found["low"]),
                "high": _format_signed(found["high"]),
                "is_clear": bool(
                    found["low"] is not None and (found["low"] > 0 or found["high"] < 0)
                ),
            }
        )
    return rows


def _format_signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}".replace("-", "−")
