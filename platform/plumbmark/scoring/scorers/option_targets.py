"""From the targets of a multiple-choice item to the letters of its right options."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from plumbmark.scoring.scorers.base import (
    Scalar,
    ScorerContext,
    ScorerSpecError,
    Target,
    target_list,
    target_text,
)
from plumbmark.scoring.shuffling import LETTERS, choice_order
from plumbmark.scoring.verdicts import quote

TargetForm = Annotated[
    Literal["auto", "letter", "index", "number", "text"],
    Field(
        description="How the target names an option: by letter, index from 0, number from 1, or "
        "its text.",
    ),
]


def right_letters(target: Target, context: ScorerContext, target_is: str) -> set[str]:
    """Return the letters, as shown, of the options that the targets name.

    Raises `ScorerSpecError` where one names none, or where it can be read in two ways.
    """
    count = len(context.choices)
    if count < 2:
        raise ScorerSpecError("a multiple-choice item needs at least two options")
    targets = target_list(target)
    if not targets:
        raise ScorerSpecError("there is no target that names the right option")
    order = choice_order(count, context.choice_seed, context.item_key)
    return {LETTERS[order.index(_position(one, context.choices, target_is))] for one in targets}


def _position(target: Scalar, choices: Sequence[str], target_is: str) -> int:
    """Return the position in the data of the option that `target` names."""
    forms: Mapping[str, int | None] = {
        "letter": _by_letter(target, choices),
        "index": _by_number(target, choices, 0),
        "number": _by_number(target, choices, 1),
        "text": _by_text(target, choices),
    }
    if target_is != "auto":
        found = forms[target_is]
        if found is None:
            raise ScorerSpecError(
                f"the target {quote(target_text(target))} is no {target_is} of one of "
                f"the {len(choices)} options"
            )
        return found
    # A bare whole number counts from 0; numbers counted from 1 have to be declared.
    candidates = {forms["letter"], forms["text"]}
    if not isinstance(target, str):
        candidates = {forms["index"], forms["text"]}
    candidates.discard(None)
    if len(candidates) == 1:
        position = candidates.pop()
        assert position is not None
        return position
    if candidates:
        raise ScorerSpecError(
            f"the target {quote(target_text(target))} can be read in two ways; say with "
            "target_is whether it is a letter, an index (from 0), a number (from 1) or a text"
        )
    raise ScorerSpecError(
        f"the target {quote(target_text(target))} names none of the {len(choices)} options; "
        "target_is says how it is to be read"
    )


def _by_letter(target: Scalar, choices: Sequence[str]) -> int | None:
    if not isinstance(target, str):
        return None
    letter = target.strip().strip("().").upper()
    position = LETTERS.find(letter) if len(letter) == 1 else -1
    return position if 0 <= position < len(choices) else None


def _by_number(target: Scalar, choices: Sequence[str], first: int) -> int | None:
    text = target_text(target).strip()
    if isinstance(target, bool) or not (text.isascii() and text.isdigit() and len(text) <= 4):
        return None
    position = int(text) - first
    return position if 0 <= position < len(choices) else None


def _by_text(target: Scalar, choices: Sequence[str]) -> int | None:
    wanted = target_text(target).strip()
    same = [n for n, choice in enumerate(choices) if choice.strip() == wanted]
    return same[0] if len(same) == 1 else None
