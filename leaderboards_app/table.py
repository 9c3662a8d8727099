"""The rows of a board as HTML.

Joined in Python and not in a template: the same 200 rows cost a fifth of the time. Everything that
comes from people passes through `escape`. The markup is short, because it is repeated two thousand
times: end tags that HTML implies are left out, and cells are styled by their place in `#standings`
(static/css/pages/board.css).
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from leaderboards_app.arrangement import Row
from plumbmark.web.numbers import (
    Writer,
    format_dollars_short,
    format_seconds_short,
    writers_of,
)


def board_rows(rows: Iterable[Row], content: Mapping[str, Any], scope: str) -> SafeString:
    """Write `<tr>` elements with the columns of `templates/leaderboards_app/board.html`."""
    writer = _Writer(content, scope)
    # Safe: `_Writer` escapes every text that it takes from the snapshot.
    return mark_safe("".join(writer.row(row) for row in rows))  # noqa: S308


class _Writer:
    def __init__(self, content: Mapping[str, Any], scope: str) -> None:
        self._metric = content["metric"]
        self._tasks = content["tasks"]
        self._scope = scope
        lower, upper = self._metric["lower"], self._metric["upper"]
        values = [
            row["score"][end]
            for row in content["rows"]
            if row["score"] and row["score"]["value"] is not None
            for end in ("low", "value", "high")
            if row["score"][end] is not None
        ]
        self._least = lower if lower is not None else min(values, default=0.0)
        most = upper if upper is not None else max(values, default=1.0)
        self._scale = 100 / (most - self._least) if most > self._least else 0.0
        self._written, self._written_short = writers_of(self._metric)
        self._written_cells = [writers_of(task["metric"])[1] for task in self._tasks]
        self._words = {
            "to": _("to"),
            "submitted": _("submitted, unverified"),
            "baseline": _("baseline"),
            "human": _("human"),
            "changed": _("model changed during the run"),
            "failed": _("some calls failed"),
            "coverage": _("coverage differs"),
            "later": _("a later attempt counts"),
            "alone": _("alone"),
            "items": _("of the items"),
            "few": _("few common items"),
            "skewed": _("skewed: the interval may be too narrow"),
        }
        self._absent = {
            "missing": _("not run"),
            "running": _("running"),
            "failed": _("failed"),
            "cancelled": _("cancelled"),
            "invalid": _("invalid"),
            "unmarked": _("not scored yet"),
        }

    def row(self, row: Row) -> str:
        contender = row["contender"]
        css = ' class="is-reference"' if row["status"] == "reference" else ""
        cells = [
            f'<tr{css}><td>{self._rank(row)}<th scope="row">{self._name(row, contender)}',
            self._score(row),
        ]
        if len(self._tasks) > 1:
            cells += map(self._cell, row["tasks"], self._written_cells)
        score = row["score"]
        items = f"{score['items']:,}" if score else "0"
        if score and score["repeats"] > 1:
            items += f" × {score['repeats']}"
        cells += [
            items,
            f"{score['unscored']:,}" if score else "",
            format_dollars_short(row["cost_per_item"]),
            format_seconds_short(row["median_latency_ms"]),
            row["date"] or "",
            f"{row['attempts']}\n",
        ]
        return "<td>".join(cells)

    def _rank(self, row: Row) -> str:
        rank = row["ranks"][self._scope]
        if rank is None:
            return ""
        if rank["coverage_differs"]:
            return f'<span class="muted">{self._words["coverage"]}</span>'
        best, worst = rank["best"], rank["worst"]
        text = _format_range(best, worst)
        if rank["sole_first"]:
            return f"<strong>{text}</strong>"
        marginal = rank.get("marginal")
        if marginal is None or (marginal["best"], marginal["worst"]) == (best, worst):
            return text
        alone = _format_range(marginal["best"], marginal["worst"])
        return f"{text}<small>{alone} {self._words['alone']}</small>"

    def _name(self, row: Row, contender: Row) -> str:
        kind = contender["kind"]
        under: list[str] = [escape(contender["maker"])] if contender["maker"] else []
        flags = [kind] if kind in self._words else []
        if row["model_changed"]:
            flags.append("changed")
        if any(cell.get("passed_over") for cell in row["tasks"]):
            flags.append("later")
        if row.get("failed_requests"):
            flags.append("failed")
        under += [self._words[flag] for flag in flags]
        rank = row["ranks"][self._scope]
        if rank and "common_share" in rank:
            share = f"{int(rank['common_share'] * 100)} % {self._words['items']}"
            is_small = rank["few_common"]
            under.append(f"<strong>{self._words['few']}: {share}</strong>" if is_small else share)
        if row["score"] and row["score"].get("skewed"):
            under.append(self._words["skewed"])
        if kind == "submitted" and row["by"]:
            under.append(f"@{escape(row['by'])}")
        sub = f"<small>{' · '.join(under)}</small>" if under else ""
        return f"{escape(contender['label'])}{sub}"

    def _score(self, row: Row) -> str:
        score = row["score"]
        if score is None or score["value"] is None:
            return f'<span class="score__missing">{escape(row["reason"]) or "–"}</span>'
        value = self._written(score["value"])
        runs = row["tasks"][0]["runs"] if len(self._tasks) == 1 else []
        if len(runs) == 0:
            value = f"<b>{value}</b>"
        elif len(runs) == 1:
            value = f'<a href="/runs/{runs[0]}/">{value}</a>'
        else:
            value = (
                f'<b><a href="/runs/{runs[0]}/">{value}</a> '
                f'<span class="muted">({len(runs)})</span></b>'
            )
        if score["low"] is None:
            return f'<span class="score">{value}</span>'
        low, high = self._written_short(score["low"]), self._written_short(score["high"])
        interval = f"<small>{low} {self._words['to']} {high}</small>"
        return f'<span class="score">{self._bar(score)}{value}{interval}</span>'

    def _bar(self, score: Mapping[str, Any]) -> str:
        """Draw interval and estimate in one path of small steps, so that many rows share its
        end.
        """
        place = self._place
        low, value, high = place(score["low"]), place(score["value"]), place(score["high"])
        if high - low < 2:
            low, high = max(0, value - 1), value + 1
        return (
            '<svg class="interval-bar" viewBox="0 0 100 16" preserveAspectRatio="none" '
            f'aria-hidden="true"><path d="M{low} 8h{value - low}m0-5v10m0-5h{high - value}"/></svg>'
        )

    def _place(self, value: float) -> int:
        """Return the place in hundredths of the bar: finer than its pixels."""
        share = (value - self._least) * self._scale
        return 99 if share > 99 else 1 if share < 1 else round(share)

    def _cell(self, cell: Mapping[str, Any], written_short: Writer) -> str:
        if cell["value"] is None:
            return f'<span class="score__missing">{self._absent.get(cell["state"], "–")}</span>'
        value = written_short(cell["value"])
        return f'<a href="/runs/{cell["runs"][0]}/">{value}</a>' if cell["runs"] else value


def _format_range(best: int, worst: int) -> str:
    return f"{best}" if best == worst else f"{best}–{worst}"
