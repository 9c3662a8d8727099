"""Characters that change how a text reads without showing.

Fine in a text that is asked, where they are only reported; never in a name or an id, where two that
look the same would differ.
"""

import re
import unicodedata

MAX_NAME = 200

# Zero-width, bidirectional and tag characters, fillers, line separators. The joiner U+200D is left
# out: emoji are made with it.
INVISIBLE = re.compile(
    "[\u00ad\u061c\u115f\u1160\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\U000e0000-\U000e007f]"
)
_UNSEEN = {"Cc": "control", "Cf": "invisible", "Cs": "surrogate", "Zl": "control", "Zp": "control"}
_FILLERS = "\u115f\u1160\u3164\uffa0"


def normalise_name(name: str) -> str:
    """Return a name or an id in the form in which it is compared: composed (NFC).

    macOS writes an accented letter of a file's name as two characters.
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def name_of(character: str) -> str:
    """Return a character's Unicode name, or its number where it has none."""
    return unicodedata.name(character, f"U+{ord(character):04X}").lower()


def name_problem(name: str) -> str | None:
    """Return the problem with a column's name or an id, None where there is none."""
    if not name.strip():
        return "is empty"
    if len(name) > MAX_NAME:
        return f"has {len(name):,} characters; at most {MAX_NAME} fit"
    for character in name:
        kind = _UNSEEN.get(unicodedata.category(character))
        if kind is None and character in _FILLERS:
            kind = "invisible"
        if kind is not None:
            return f"{name!r} holds the {kind} character U+{ord(character):04X}; remove it"
    if name != name.strip():
        return f"{name!r} begins or ends with white space"
    return None
