"""The form on which an author tries scorers."""

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from plumbmark.strict_json.numbers import FINITE
from plumbmark.strict_json.reading import JsonReader
from tasks_app.item_reports.targets import write_target
from tasks_app.models import Run
from tasks_app.scorer_trials.trials import MAX_CHARACTERS, TrialOutput

_MAX_TARGETS = 100
_READER = JsonReader(numbers=FINITE, duplicate_keys="refuse")


class ScorerTrialForm(forms.Form):
    """Outputs to try, with an item or a right answer; or an earlier run."""

    outputs = forms.CharField(
        label=_("Outputs"),
        required=False,
        strip=False,
        max_length=MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
    )
    layout = forms.ChoiceField(
        label=_("The text above is"),
        required=False,
        choices=[
            ("one", _("one output")),
            ("lines", _("one output on each line")),
            ("jsonl", _("JSON Lines with output, and item or target if you wish")),
        ],
    )
    item = forms.ChoiceField(label=_("Item"), required=False)
    target = forms.CharField(
        label=_("Right answer"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("In place of the item's. Several right answers: one on each line."),
    )
    run = forms.ChoiceField(
        label=_("Or outputs of an earlier run"),
        required=False,
        help_text=_("Its first 50 outputs, in place of the text above."),
    )

    def __init__(
        self, *args: Any, keys: Sequence[str] = (), runs: Sequence[Run] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        item, run = self.fields["item"], self.fields["run"]
        assert isinstance(item, forms.ChoiceField)
        assert isinstance(run, forms.ChoiceField)
        item.choices = [("", _("none")), *((key, key) for key in keys)]
        run.choices = [
            ("", _("none")),
            *((str(one.pk), f"{one.contender.label} · {one.pk}") for one in runs),
        ]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not values.get("run") and "outputs" in values:
            try:
                values["to_try"] = _read_outputs(values)
            except ValueError as error:
                self.add_error("outputs", str(error))
        return values


def initial_of(outputs: Sequence[TrialOutput], run: int | None) -> dict[str, Any]:
    """Return what the form shows of outputs that were tried."""
    if run is not None:
        return {"run": str(run)}
    if len(outputs) == 1:
        [only] = outputs
        return {"outputs": only.text, "item": only.item, "target": write_target(only.target)}
    rows = [
        {"output": one.text, "item": one.item}
        | ({} if one.target is None else {"target": one.target})
        for one in outputs
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    return {"layout": "jsonl", "outputs": "\n".join(lines)}


def _read_outputs(values: dict[str, Any]) -> list[TrialOutput]:
    """Return the outputs of a text; `ValueError` says what is wrong with a line."""
    text = values["outputs"].replace("\r\n", "\n")
    item, layout = values.get("item") or "", values.get("layout") or "one"
    lines = [one for one in (values.get("target") or "").splitlines() if one.strip()]
    target: Any = lines[:_MAX_TARGETS] if len(lines) > 1 else lines[0] if lines else None
    if layout == "one":
        return [TrialOutput(text, item, target)] if text.strip() else []
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        if layout == "lines":
            found.append(TrialOutput(line, item, target))
        else:
            found.append(_read_row(line, number, item, target))
    return found


def _read_row(line: str, number: int, item: str, target: Any) -> TrialOutput:
    try:
        row = _READER.read(line)
    except ValueError as error:
        raise ValueError(f"Line {number} is no JSON: {error}") from None
    if not isinstance(row, dict) or not isinstance(row.get("output"), str):
        raise ValueError(f"Line {number} must be an object with a text as output.")
    own_target = row.get("target", target)
    parts = own_target if isinstance(own_target, list) else [own_target]
    if not all(one is None or isinstance(one, str | int | float) for one in parts):
        raise ValueError(f"Line {number}: the target must be a text, a number or a list of those.")
    if not isinstance(key := row.get("item", item), str):
        raise ValueError(f"Line {number}: the item must be the id of an item, as text.")
    return TrialOutput(row["output"], key, own_target)
