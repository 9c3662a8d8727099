"""Text and counts from outside, made fit for storage."""

from typing import Any

from plumbmark.strict_json.texts import make_storable

_HIGH_SURROGATES = ("\ud800", "\udbff")


def read_text(content: Any) -> str:
    """Return the text of a message's content: a string, or the `text` of its parts."""
    if isinstance(content, list | tuple):
        content = "".join(
            part["text"]
            for part in content
            if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return make_storable(content) if isinstance(content, str) else ""


def read_name(value: Any, length: int = 200) -> str:
    """Return a name or an id from outside, cut to `length` characters; "" where it is no text."""
    return make_storable(value[:length]) if isinstance(value, str) else ""


def read_count(value: Any) -> int:
    """Return a token count as reported; -1 if it is not one, so that usage counts as missing."""
    if type(value) is int and 0 <= value < 2**31:
        return value
    return -1


def merge_counts(known: Any, counts: Any) -> dict[str, Any]:
    """Return the counts of a stream so far: what comes later replaces what came before, except that
    a zero or nothing replaces no count.
    """
    merged: dict[str, Any] = dict(known) if isinstance(known, dict) else {}
    for name, value in counts.items() if isinstance(counts, dict) else ():
        if isinstance(value, dict):
            merged[name] = merge_counts(merged.get(name), value)
        elif value or name not in merged:
            merged[name] = value
    return merged


def are_counts_told(read: int, written: int, *, has_content: bool) -> bool:
    """Return whether counts are those of an exchange: there is always a prompt, and no content
    without a token.
    """
    return read > 0 and written >= 0 and (written > 0 or not has_content)


class PassableText:
    """One channel of a stream on its way to the client.

    Holds back a possible first half of something: of a surrogate pair, which two chunks can share,
    or of the credential, should the provider echo it.
    """

    __slots__ = ("_beginnings", "_held", "_secret")

    def __init__(self, secret: str) -> None:
        self._secret = secret if len(secret) >= 4 else ""
        self._beginnings = tuple(self._secret[:end] for end in range(1, len(self._secret)))
        self._held = ""

    def pass_on(self, text: str) -> str:
        """Return the text that may be shown now that this has come."""
        text = self._held + text
        self._held = ""
        if self._secret:
            if self._secret in text:
                text = text.replace(self._secret, "[credential]")
            if text.endswith(self._beginnings):
                length = max(len(start) for start in self._beginnings if text.endswith(start))
                text, self._held = text[:-length], text[-length:]
        if text and not text.isascii():
            if _HIGH_SURROGATES[0] <= text[-1] <= _HIGH_SURROGATES[1] and not self._held:
                text, self._held = text[:-1], text[-1]
            return make_storable(text)
        return text.replace("\x00", "\ufffd") if "\x00" in text else text

    def rest(self) -> str:
        """Return the text that was held back, at the end."""
        text, self._held = self._held, ""
        return make_storable(text)
