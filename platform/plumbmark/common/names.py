"""Titles and names that everyone sees: no invisible character may change how they read.

Two names that look the same would otherwise differ, and a name could reverse the text beside it.
The joiners U+200C and U+200D stay: Persian and emoji are written with them.
"""

import re
import unicodedata

_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\U000e0000-\U000e007f]"
)


def unseen_character_problem(name: str) -> str | None:
    """Return the problem with a title or a name, None where there is none."""
    found = _UNSEEN.search(name)
    if found is None:
        return None
    character = found.group()
    word = unicodedata.name(character, "control character").lower()
    return f"holds the invisible character U+{ord(character):04X} ({word}); remove it"
