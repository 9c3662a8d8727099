"""The sentences of an analysis: what stands out, and how many rows a number needs."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plumbmark.scoring.item_analysis import (
    MIN_ROWS_FOR_DISCRIMINATION,
    MIN_ROWS_FOR_FIT,
    MIN_ROWS_FOR_ONLY,
    MIN_STRONG_ROWS,
)
from tasks_app.item_lab.queries import StoredAnalysis

MIN_ROWS = 2
"""With one row, every item is right or wrong for all."""


def describe_findings(analysis: StoredAnalysis) -> str:
    """Return the findings in a few sentences, those that matter most first."""
    counts, rows = analysis.counts, analysis.row_count
    items = f"{analysis.content['items']:,}"
    sentences = []
    if rows < MIN_ROWS:
        sentences.append(
            _("Only one model has run on these %(items)s items: nothing can be compared yet.")
            % {"items": items}
            if rows
            else _("No model has completed a run on these %(items)s items yet.") % {"items": items}
        )
    elif analysis.content["has_scale"]:
        text = ngettext(
            "%(right)s of %(items)s items is right in all %(rows)s rows, and %(none)s without any "
            "credit in all of them.",
            "%(right)s of %(items)s items are right in all %(rows)s rows, and %(none)s without any "
            "credit in all of them.",
            counts["all_right"],
        )
        numbers = {"right": f"{counts['all_right']:,}", "none": f"{counts['none_right']:,}"}
        sentences.append(text % {"items": items, "rows": rows, **numbers})
        if counts["key_doubts"]:
            n = counts["key_doubts"]
            sentences.append(
                ngettext("%(n)s key looks wrong.", "%(n)s keys look wrong.", n) % {"n": f"{n:,}"}
            )
        elif rows >= MIN_STRONG_ROWS:
            sentences.append(_("No key looks wrong."))
    if counts["near_duplicates"]:
        n = counts["near_duplicates"]
        text = ngettext(
            "%(n)s item is nearly the same as another one.",
            "%(n)s items are nearly the same as another one.",
            n,
        )
        sentences.append(text % {"n": f"{n:,}"})
    saturation = analysis.content["saturation"]
    if saturation and rows >= MIN_ROWS and saturation["best"] is not None:
        best = f"{100 * saturation['best']:.1f}"
        text = (
            _("The task is saturated: the best row is at %(best)s % and leaves little to measure.")
            if saturation["is_saturated"]
            else _("The best row is at %(best)s %, so there is room above it.")
        )
        sentences.append(text.replace("%(best)s", best))
    return " ".join(sentences)


def missing_numbers(analysis: StoredAnalysis) -> list[str]:
    """Return a sentence for each number that these rows are too few for, and each limit."""
    rows, found = analysis.row_count, []
    if not analysis.content["has_scale"]:
        found.append(
            _(
                "The metric declares no lower and upper bound, so no item is wholly right or "
                "wrong. Difficulty is on the scale from the lowest to the highest score found."
            )
        )
    for least, words in (
        (MIN_STRONG_ROWS, _("Suspected keys need %(n)s rows.")),
        (MIN_ROWS_FOR_ONLY, _("Items that only one model gets right need %(n)s rows.")),
        (MIN_ROWS_FOR_DISCRIMINATION, _("Discrimination needs %(n)s rows.")),
        (MIN_ROWS_FOR_FIT, _("The two-parameter fit needs %(n)s rows.")),
    ):
        if rows < least:
            found.append(words % {"n": least})
    if analysis.content["rows_left_out"]:
        found.append(
            _(
                "Only the newest %(rows)s rows are compared; %(more)s older ones are left out, to "
                "keep the computation small."
            )
            % {"rows": rows, "more": analysis.content["rows_left_out"]}
        )
    return found
