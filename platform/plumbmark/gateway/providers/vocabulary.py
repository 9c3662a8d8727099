"""The words in which providers say how an answer ended and why there is none.

One vocabulary for all formats, because hosts and aggregators pass on each other's words. The table
with the sources is `docs/design/provider-vocabulary.md`; a test compares both.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from plumbmark.engine.ports import FinishReason

ENDED_BY_PROVIDER = None
"""The meaning of a word for an answer that the provider broke off: not the model's own ending."""

FINISH_WORDS = MappingProxyType[str, FinishReason | None](
    {
        "stop": FinishReason.STOP,
        "end_turn": FinishReason.STOP,
        "stop_sequence": FinishReason.STOP,
        "eos": FinishReason.STOP,
        "eos_token": FinishReason.STOP,
        "COMPLETE": FinishReason.STOP,
        "eosFound": FinishReason.STOP,
        "stopStringFound": FinishReason.STOP,
        "REASON_STOP": FinishReason.STOP,
        "repetition": FinishReason.STOP,
        "length": FinishReason.LENGTH,
        "max_tokens": FinishReason.LENGTH,
        "max_output_tokens": FinishReason.LENGTH,
        "model_length": FinishReason.LENGTH,
        "model_context_window_exceeded": FinishReason.LENGTH,
        "maxPredictedTokensReached": FinishReason.LENGTH,
        "contextLengthReached": FinishReason.LENGTH,
        "ERROR_LIMIT": FinishReason.LENGTH,
        "REASON_MAX_LEN": FinishReason.LENGTH,
        "REASON_MAX_CONTEXT": FinishReason.LENGTH,
        "limit": FinishReason.LENGTH,
        "content_filter": FinishReason.CONTENT_FILTER,
        "content_filtered": FinishReason.CONTENT_FILTER,
        "guardrail_intervened": FinishReason.CONTENT_FILTER,
        "sensitive": FinishReason.CONTENT_FILTER,
        "ERROR_TOXIC": FinishReason.CONTENT_FILTER,
        "SAFETY": FinishReason.CONTENT_FILTER,
        "RECITATION": FinishReason.CONTENT_FILTER,
        "LANGUAGE": FinishReason.CONTENT_FILTER,
        "BLOCKLIST": FinishReason.CONTENT_FILTER,
        "PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
        "SPII": FinishReason.CONTENT_FILTER,
        "MODEL_ARMOR": FinishReason.CONTENT_FILTER,
        "IMAGE_SAFETY": FinishReason.CONTENT_FILTER,
        "IMAGE_PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
        "IMAGE_RECITATION": FinishReason.CONTENT_FILTER,
        "refusal": FinishReason.REFUSAL,
        "tool_calls": FinishReason.TOOL_CALLS,
        "tool_call": FinishReason.TOOL_CALLS,
        "tool_use": FinishReason.TOOL_CALLS,
        "function_call": FinishReason.TOOL_CALLS,
        "REASON_TOOL_CALLS": FinishReason.TOOL_CALLS,
        "MALFORMED_FUNCTION_CALL": FinishReason.MALFORMED,
        "MALFORMED_RESPONSE": FinishReason.MALFORMED,
        "UNEXPECTED_TOOL_CALL": FinishReason.MALFORMED,
        "TOO_MANY_TOOL_CALLS": FinishReason.MALFORMED,
        "malformed_model_output": FinishReason.MALFORMED,
        "malformed_tool_use": FinishReason.MALFORMED,
        "insufficient_system_resource": ENDED_BY_PROVIDER,
        "error": ENDED_BY_PROVIDER,
        "abort": ENDED_BY_PROVIDER,
        "aborted": ENDED_BY_PROVIDER,
        "network_error": ENDED_BY_PROVIDER,
        "cancelled": ENDED_BY_PROVIDER,
        "USER_CANCEL": ENDED_BY_PROVIDER,
        "TIMEOUT": ENDED_BY_PROVIDER,
        "failed": ENDED_BY_PROVIDER,
        "userStopped": ENDED_BY_PROVIDER,
        "modelUnloaded": ENDED_BY_PROVIDER,
        "load": ENDED_BY_PROVIDER,
        "unload": ENDED_BY_PROVIDER,
        "pause_turn": ENDED_BY_PROVIDER,
        "compaction": ENDED_BY_PROVIDER,
        "OTHER": ENDED_BY_PROVIDER,
        "IMAGE_OTHER": ENDED_BY_PROVIDER,
        "NO_IMAGE": ENDED_BY_PROVIDER,
        "FINISH_REASON_UNSPECIFIED": ENDED_BY_PROVIDER,
        "MISSING_THOUGHT_SIGNATURE": ENDED_BY_PROVIDER,
        "REASON_INVALID": ENDED_BY_PROVIDER,
        "REASON_TIME_LIMIT": ENDED_BY_PROVIDER,
    }
)

_NOT_LETTERS = re.compile(r"[^a-z]+")
_BREAKDOWN = re.compile(
    r"error|fail|abort|cancel|time_?out|timed|interrupt|overload|unavailable|exhaust|insufficient"
    r"|network|disconnect|server|internal|unload",
    re.IGNORECASE,
)
"""What a word says that nobody has listed yet, if it is about a fault of the provider's."""


def _spelling(word: str) -> str:
    """Return the word's letters: hosts write `MAX_TOKENS`, `max-tokens` and `maxTokens`."""
    return _NOT_LETTERS.sub("", word.lower())


_BY_SPELLING = {_spelling(word): meaning for word, meaning in FINISH_WORDS.items()}


class UnknownFinish(ValueError):
    """A finish reason that is neither the model's ending nor known as the provider's."""


def read_finish(word: str, own_words: Mapping[str, str]) -> FinishReason | None:
    """Return the model's ending that this word means; None where the provider broke off.

    `own_words` are the host's, as an administrator has said what they mean: one of `FINISH_WORDS`
    each. Raises `UnknownFinish` for a word that says nothing known.
    """
    word = str(own_words.get(word, word))
    spelling = _spelling(word)
    if spelling in _BY_SPELLING:
        return _BY_SPELLING[spelling]
    if _BREAKDOWN.search(word):
        return ENDED_BY_PROVIDER
    raise UnknownFinish(word)
