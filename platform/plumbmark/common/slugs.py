"""Slugs and tags, checked the same way everywhere."""

import re
from collections.abc import Sequence

from django.utils.text import slugify

from plumbmark.common.errors import InvalidInput, Problem

_TAG = re.compile(r"[a-z0-9](?:[a-z0-9+. -]{0,38}[a-z0-9+])?\Z")
_MAX_TAGS = 12


def slug_for(text: str) -> str:
    """Return a slug for a title, or for a text given as one; raise `InvalidInput` if nothing is
    left.
    """
    slug = slugify(text)[:80].strip("-")
    if not slug:
        raise InvalidInput(
            [Problem("has no letters or digits that a web address could be made of", "slug")]
        )
    return slug


def normalise_tags(tags: Sequence[str]) -> list[str]:
    """Return tags in lower case, each once, sorted."""
    problems = []
    if len(tags) > _MAX_TAGS:
        problems.append(Problem(f"at most {_MAX_TAGS} fit, not {len(tags)}", "tags"))
    cleaned = set()
    for tag in tags:
        word = tag.strip().lower()
        if not _TAG.match(word):
            problems.append(
                Problem(
                    f"{tag[:40]!r} is no tag: use up to 40 letters, digits, spaces and -+.",
                    "tags",
                )
            )
        cleaned.add(word)
    if problems:
        raise InvalidInput(problems)
    return sorted(cleaned)
