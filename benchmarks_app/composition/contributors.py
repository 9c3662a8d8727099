"""The people credited on a benchmark's card: a name on each line, as its authors write them.

An account is linked only where it is the benchmark's owner or belongs to the owning team: the name
of anybody else is a claim of the authors, and their account says nothing to it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from django.urls import reverse

from plumbmark.accounts.models import Membership, Namespace
from plumbmark.common.errors import Problem
from plumbmark.common.names import unseen_character_problem

MAX_CONTRIBUTORS = 50
MAX_CONTRIBUTORS_TEXT = 8000
_MAX_NAME, _MAX_ROLE = 80, 120
_LINE = re.compile(r"(?P<name>[^@:]+?)(?:\s+@(?P<handle>[A-Za-z0-9_-]+))?\s*(?::\s*(?P<role>.*))?")


@dataclass(frozen=True, slots=True)
class Contributor:
    """A person who is credited, for what, and their account if it is linked."""

    name: str
    role: str = ""
    handle: str = ""

    @property
    def url(self) -> str:
        return reverse("accounts:profile", args=[self.handle]) if self.handle else ""


def parse_contributors(text: str) -> list[Contributor]:
    """Return the people of a text that was checked, in its order."""
    matches = (_LINE.fullmatch(line.strip()) for line in text.splitlines())
    return [
        Contributor(found["name"], (found["role"] or "").strip(), found["handle"] or "")
        for found in matches
        if found
    ]


def contributor_problems(text: str, owner: Namespace) -> list[Problem]:
    """Return what is wrong with a list of people, each with its line."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line]
    if len(lines) > MAX_CONTRIBUTORS or len(text) > MAX_CONTRIBUTORS_TEXT:
        message = f"has more than {MAX_CONTRIBUTORS} people or {MAX_CONTRIBUTORS_TEXT:,} characters"
        return [Problem(message, "contributors")]
    handles = _linkable_handles(owner) if "@" in text else set()
    problems = []
    for number, line in lines:
        if message := _line_problem(line, handles):
            problems.append(Problem(f"{message} (line {number})", "contributors", number))
    return problems


def _line_problem(line: str, handles: Collection[str]) -> str:
    found = _LINE.fullmatch(line)
    if found is None:
        return "is no line such as “Ada Lovelace @ada: wrote the items”"
    if len(found["name"]) > _MAX_NAME or len(found["role"] or "") > _MAX_ROLE:
        return f"has a name over {_MAX_NAME} or a role over {_MAX_ROLE} characters"
    if unseen := unseen_character_problem(line):
        return unseen
    if found["handle"] and found["handle"] not in handles:
        return (
            f"links @{found['handle']}, which is neither the benchmark's owner nor in the owning "
            "team; leave the account out"
        )
    return ""


def _linkable_handles(owner: Namespace) -> set[str]:
    members = Membership.objects.filter(namespace=owner)
    return {owner.handle, *members.values_list("user__namespace__handle", flat=True)}
