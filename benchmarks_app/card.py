"""The benchmark card: questions answered at publication, so that a reader can judge the board."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from plumbmark.common.errors import Problem

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MAX_ANSWER = 5000


@dataclass(frozen=True, slots=True)
class CardQuestion:
    key: str
    title: "_StrPromise"
    help: "_StrPromise"


QUESTIONS = (
    CardQuestion(
        "measures",
        _("What does it measure?"),
        _("The ability or behaviour, and what a higher score means."),
    ),
    CardQuestion(
        "intended_use",
        _("What is it for?"),
        _("Decisions it can support, and the ones it should not."),
    ),
    CardQuestion(
        "limits",
        _("What are its limitations?"),
        _("Known gaps, errors, biases; what a good score does not prove."),
    ),
    CardQuestion(
        "provenance",
        _("Where do the items come from?"),
        _("Sources, how they were collected and checked, and when."),
    ),
    CardQuestion("licence", _("What is the licence?"), _("Of the items; name it and link to it.")),
    CardQuestion("contact", _("Who can be contacted?"), _("A name with an address or a page.")),
)


def card_problems(card: Mapping[str, object], *, complete: bool) -> list[Problem]:
    """Return the problems of a card; with `complete` every question must be answered."""
    known = {question.key for question in QUESTIONS}
    problems = [
        Problem(f"is not known; a card has {', '.join(sorted(known))}", f"card.{key}")
        for key in card
        if key not in known
    ]
    for question in QUESTIONS:
        answer = card.get(question.key, "")
        if not isinstance(answer, str):
            problems.append(Problem("must be text", f"card.{question.key}"))
        elif len(answer) > MAX_ANSWER:
            problems.append(
                Problem(f"must have at most {MAX_ANSWER} characters", f"card.{question.key}")
            )
        elif complete and not answer.strip():
            problems.append(
                Problem(f"is required for publication: {question.title}", f"card.{question.key}")
            )
    return problems
