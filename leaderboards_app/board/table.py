"""The rows of a board as HTML.

Joined in Python and not in a template: the same 200 rows cost a fifth of the time. Everything that
comes from people passes through `escape`. The markup is short, because it is repeated two thousand
times: end tags that HTML implies are left out, and cells are styled by their place in `#standings`
(static/css/pages/board.css).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from leaderboards_app.board.columns import LABELS, ScoreColumn
from leaderboards_app.board.rows import Row, format_rank, places_in_ranking
from leaderboards_app.weights.computation import ReaderRank
from plumbmark.web.numbers import (
    Writer,
    format_dollars_short,
    format_seconds_short,
    writers_of,
)


def board_rows(
    rows: Sequence[Row],
    content: Mapping[str, Any],
    scope: str,
    columns: Collection[str],
    *,
    score_columns: Sequence[ScoreColumn] = (),
    yours: Mapping[str, ReaderRank] | None = None,
    comparisons: str = "",
) -> SafeString:
    """Write `<tr>` elements with the columns of `templates/leaderboards_app/board.html`.

    `comparisons` is the address where rows of this snapshot are compared: a range of ranks leads to
    why it is a tie. `columns` has names of `columns.LABELS`. The bars of all rows have one scale:
    from the lowest to the highest end of their intervals. With `yours`, ranks under the reader's
    weights have a column after the score.
    """
    writer = _Writer(rows, content, scope, columns, score_columns, yours or {}, comparisons)
    # Safe: `_Writer` escapes every text that it takes from the snapshot.
    return mark_safe("".join(writer.row(row) for row in rows))  # noqa: S308


class _Writer:
    def __init__(
        self,
        rows: Sequence[Row],
        content: Mapping[str, Any],
        scope: str,
        columns: Collection[str],
        score_columns: Sequence[ScoreColumn],
        yours: Mapping[str, ReaderRank],
        comparisons: str,
    ) -> None:
        self._yours = yours
        # Without rows the content is an excerpt, whose rows are the first ones of the ranking.
        self._places = places_in_ranking(content["rows"] or rows, scope) if comparisons else {}
        self._tie = f'<a href="{escape(comparisons)}?scope={scope}&amp;tie='
        self._metric = content["metric"]
        self._tasks = content["tasks"]
        self._scope = scope
        self._least, most = _range_of(rows)
        self._scale = 100 / (most - self._least) if most > self._least else 0.0
        self._written, self._written_short = writers_of(self._metric)
        self._score_columns = [
            (one, writers_of(one.metric)[1], _start(one.title)) for one in score_columns
        ]
        written: dict[str, Callable[[Row], str]] = {
            "items": self._items,
            "unscored": lambda row: f"{row['score']['unscored']:,}" if row["score"] else "",
            "cost": lambda row: format_dollars_short(row["cost_per_item"]),
            "latency": lambda row: format_seconds_short(row["median_latency_ms"]),
            "date": lambda row: row["date"] or "",
            "attempts": lambda row: f"{row['attempts']}",
        }
        # A phone shows these cells without their heads.
        starts = {name: _start(str(LABELS[name])) for name in ("items", "unscored", "attempts")}
        self._further = [
            (starts.get(name, "<td>"), write) for name, write in written.items() if name in columns
        ]
        self._start_of_yours = _start(_("Your weights"))
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
            "incomplete": _("lacks a task"),
            "near": _("practically equal to the best"),
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
            f"<td>{self._score(row)}",
        ]
        if self._yours:
            cells.append(self._start_of_yours + self._own_rank(contender["id"]))
        cells += [self._cell(row, *column) for column in self._score_columns]
        cells += [start + write(row) for start, write in self._further]
        return "".join(cells) + "\n"

    def _own_rank(self, key: str) -> str:
        """Write rank and mean under the reader's weights."""
        one = self._yours.get(key)
        if one is None:
            return f'<span class="score__missing">{self._words["incomplete"]}</span>'
        rank = "" if one.rank is None else f"<b>{one.rank}</b>"
        return f"{rank}<small>{self._written(one.value)}</small>"

    def _items(self, row: Row) -> str:
        score = row["score"]
        if not score:
            return "0"
        return f"{score['items']:,}" + (f" × {score['repeats']}" if score["repeats"] > 1 else "")

    def _rank(self, row: Row) -> str:
        rank = row["ranks"][self._scope]
        if rank is None:
            return ""
        if rank["coverage_differs"]:
            return f'<span class="muted">{self._words["coverage"]}</span>'
        best, worst = rank["best"], rank["worst"]
        text = format_rank(best, worst)
        if rank["sole_first"]:
            return f"<strong>{text}</strong>"
        if best != worst and (place := self._places.get(row["contender"]["id"])):
            text = f'{self._tie}{place}">{text}</a>'
        marginal = rank.get("marginal")
        if marginal is None or (marginal["best"], marginal["worst"]) == (best, worst):
            return text
        alone = format_rank(marginal["best"], marginal["worst"])
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
        if self._scope in row.get("near_best", ()):
            under.append(self._words["near"])
        if row["score"] and row["score"].get("skewed"):
            under.append(self._words["skewed"])
        if kind == "submitted" and row["by"]:
            under.append(f"@{escape(row['by'])}")
        sub = f"<small>{' · '.join(under)}</small>" if under else ""
        label = escape(contender["label"])
        if model := contender["model"]:
            label = f'<a href="/models/{escape(quote(model))}/">{label}</a>'
        return f"{label}{sub}"

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

    def _cell(self, row: Row, column: ScoreColumn, written_short: Writer, start: str) -> str:
        value = column.value_of(row)
        if column.kind == "group":
            return start + ("–" if value is None else written_short(value))
        cell = row["tasks"][column.place]
        if value is None:
            absent = self._absent.get(cell["state"], "–")
            return f'{start}<span class="score__missing">{absent}</span>'
        text = written_short(value)
        return start + (f'<a href="/runs/{cell["runs"][0]}/">{text}</a>' if cell["runs"] else text)


def _start(label: str) -> str:
    return f'<td data-l="{escape(label)}">'


def _range_of(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the lowest and the highest end of the rows' intervals, with a little room."""
    ends = [
        row["score"][end]
        for row in rows
        if row["score"] and row["score"]["value"] is not None
        for end in ("low", "value", "high")
        if row["score"][end] is not None
    ]
    least, most = min(ends, default=0.0), max(ends, default=1.0)
    room = (most - least) * 0.02
    return least - room, most + room
