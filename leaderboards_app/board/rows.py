"""Rows of a snapshot, as read from its content."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def facts_of(row: Row) -> Mapping[str, Any]:
    """Return what was known of the row's model when the board was computed; empty if nothing.

    Keys: `open_weights`, `modalities`, `licence`, `released_on` (YYYY-MM-DD), `effort`.
    """
    facts: Mapping[str, Any] = row["contender"].get("facts", {})
    return facts


def format_rank(best: int, worst: int) -> str:
    """Format a range of ranks: `2–4`, or `3` where it is a single one."""
    return f"{best}" if best == worst else f"{best}–{worst}"


def ranked_rows(rows: Sequence[Row], scope: str) -> list[Row]:
    """Return the rows that have a rank in this ranking, in the order of the board."""
    return [row for row in rows if row["ranks"][scope]]


def places_in_ranking(rows: Sequence[Row], scope: str) -> dict[str, int]:
    """Return the places of contenders among the ranked rows, from 1: their short names in
    addresses of the snapshot. Rows of one rank have places of their own.
    """
    ranked = ranked_rows(rows, scope)
    return {row["contender"]["id"]: place for place, row in enumerate(ranked, start=1)}
