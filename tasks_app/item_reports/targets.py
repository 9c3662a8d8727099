"""Keys as people write them in a form, one right answer a line, and as they are stored."""

from collections.abc import Sequence
from typing import Any

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.strict_json import has_surrogate
from tasks_app.definitions.rendering import text_of

MAX_ANSWERS = 20
MAX_ANSWER = 4_000


def read_target(text: str, like: Any) -> Any:
    """Return the key that a form's lines stand for; None if there is none.

    Where the present key `like` is a number, so is a line that is one.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    examples = like if isinstance(like, list) else [like]
    numeric = any(isinstance(one, int | float) and not isinstance(one, bool) for one in examples)
    answers = [_number(line) if numeric else line for line in lines]
    return _single(answers)


def clean_target(value: Any) -> Any:
    """Return a key that a program sent, checked: a text, a number, or a list of them; None if
    there is none.
    """
    if value is None:
        return None
    answers = value if isinstance(value, list) else [value]
    if not answers:
        raise InvalidInput([Problem("needs at least one answer", "target")])
    if len(answers) > MAX_ANSWERS:
        raise InvalidInput([Problem(f"has more than {MAX_ANSWERS} answers", "target")])
    for one in answers:
        if isinstance(one, bool) or not isinstance(one, str | int | float):
            raise InvalidInput(
                [Problem("must be a text, a number, or a list of texts and numbers", "target")]
            )
        if isinstance(one, str) and not one.strip():
            raise InvalidInput([Problem("has an empty answer", "target")])
        if len(str(one)) > MAX_ANSWER:
            raise InvalidInput([Problem(f"must have at most {MAX_ANSWER:,} characters", "target")])
        if isinstance(one, str) and ("\x00" in one or has_surrogate(one)):
            raise InvalidInput([Problem("has a character that cannot be stored", "target")])
    return _single([one.strip() if isinstance(one, str) else one for one in answers])


def answers_of(target: Any) -> list[str]:
    """Return the right answers of a key as texts."""
    answers = target if isinstance(target, list) else [target]
    return [text_of(one) for one in answers if one is not None]


def write_target(target: Any) -> str:
    """Return a key as a form shows it: one answer a line."""
    return "\n".join(answers_of(target))


def _single(answers: Sequence[Any]) -> Any:
    if not answers:
        return None
    return answers[0] if len(answers) == 1 else list(answers)


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        # Not "1_000", "nan" or "infinity", which Python would take too.
        if text.lstrip("+-").replace(".", "", 1).replace("e", "", 1).replace("-", "").isdigit():
            return value
    return text
