"""The words in which providers say how an answer ended and why there is none.

One vocabulary for all formats, because hosts and aggregators pass on each other's words. The table
with the sources is `docs/design/provider-vocabulary.md`; a test compares both.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
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
        "completed": FinishReason.STOP,
        "end": FinishReason.STOP,
        "done": FinishReason.STOP,
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
        "token_limit": FinishReason.LENGTH,
        "ERROR_LIMIT": FinishReason.LENGTH,
        "REASON_MAX_LEN": FinishReason.LENGTH,
        "REASON_MAX_CONTEXT": FinishReason.LENGTH,
        "limit": FinishReason.LENGTH,
        "content_filter": FinishReason.CONTENT_FILTER,
        "content_filtered": FinishReason.CONTENT_FILTER,
        "content_policy": FinishReason.CONTENT_FILTER,
        "content_policy_violation": FinishReason.CONTENT_FILTER,
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
        "ESCALATION": FinishReason.CONTENT_FILTER,
        "IMAGE_SAFETY": FinishReason.CONTENT_FILTER,
        "IMAGE_PROHIBITED_CONTENT": FinishReason.CONTENT_FILTER,
        "IMAGE_RECITATION": FinishReason.CONTENT_FILTER,
        "refusal": FinishReason.REFUSAL,
        "refused": FinishReason.REFUSAL,
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
        "time_limit": ENDED_BY_PROVIDER,
        "not_finished": ENDED_BY_PROVIDER,
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
_FAMILIES: tuple[tuple[re.Pattern[str], FinishReason | None], ...] = tuple(
    (re.compile(pattern), meaning)
    for pattern, meaning in (
        (
            r"error|fail|abort|cancel|timeout|timed|timelimit|interrupt|overload|unavailable"
            r"|exhaust|insufficient|network|disconnect|server|internal|unload|ratelimit|throttl"
            r"|preempt|evict|outofmemory|oom$|kill|crash|shutdown|busy|expired",
            ENDED_BY_PROVIDER,
        ),
        (
            r"filter|moderat|censor|sensitive|safety|unsafe|prohibited|guardrail|contentpolicy"
            r"|policyviolation|contentblocked|blockedcontent|^blocked$",
            FinishReason.CONTENT_FILTER,
        ),
        (
            r"length|max\w*token|tokens?limit|limit\w*token|max\w*context|context\w*exceeded",
            FinishReason.LENGTH,
        ),
    )
)
"""What a word that nobody has listed yet says of itself, by its letters; the first that fits."""


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
    for family, meaning in _FAMILIES:
        if family.search(spelling):
            return meaning
    raise UnknownFinish(word)


class ErrorMeaning(StrEnum):
    """The meaning of a refusal; the values are codes of `AttemptFailure`."""

    ACCOUNT = "account-refused"
    BALANCE = "provider-balance"
    QUOTA = "provider-quota"
    ABOVE_RATE_LIMIT = "request-above-rate-limit"
    OUTPUT_LIMIT = "output-limit"
    CONTENT_FILTER = "content-filter"
    CONTEXT_OVERFLOW = "context-overflow"
    BAD_KEY = "bad-key"
    UNKNOWN_MODEL = "unknown-model"
    UNSUPPORTED = "bad-request"


ERROR_PHRASES = MappingProxyType[ErrorMeaning, tuple[str, ...]](
    {
        ErrorMeaning.ACCOUNT: (
            r"account_deactivated",
            r"(?:account|organization|team|project|user) (?:(?:was|is|has been) )?"
            r"(?:flagged|deactivated|suspended|disabled|banned|blocked|locked)",
            r"account is not active",
            r"billing_not_active",
            r"access_terminated",
            r"key has been suspended",
            r"project has been denied access",
        ),
        ErrorMeaning.BALANCE: (
            r"credit balance is too low",
            r"insufficient[_ ](?:account[_ ])?(?:balance|credits?|funds)",
            r"balance (?:is |was )?(?:insufficient|too low|not enough|exhausted)",
            r"(?:have|has) (?:no|any|run out of) credits",
            r"\bArrearage\b",
            r"欠费|余额不足",
        ),
        ErrorMeaning.QUOTA: (
            r"insufficient_quota",
            r"billing_hard_limit",
            r"exceeded_current_quota_error",
            r"PerDay",
            r"ByDay\b",
            r"(?:per|/)[ -]?(?:day|month)\b",
            r"\b(?:daily|monthly|weekly) (?:\w+ ){0,2}(?:limit|quota|usage|allocation|credits?)",
            r"\b(?:RPD|TPD)\b|per 24 ?h",
            r"\btry again tomorrow\b",
            r"api usage limits",
            r"free ?tier\b[^.]{0,60} exhausted",
            r"今日.{0,12}限额",
            r"使用上限",
        ),
        ErrorMeaning.ABOVE_RATE_LIMIT: (
            r"request too large for .{0,200}per min",
            r"request too large for .{0,200}Limit \d+, Requested \d+",
        ),
        ErrorMeaning.OUTPUT_LIMIT: (
            r"max_(?:completion_|output_|new_)?tokens\W{0,3} (?:is too large|must be)",
            r"invalid max_(?:completion_|output_)?tokens",
            r"range of max_tokens",
            r"max_tokens: \d+ > \d+",
            r"maxOutputTokens value of",
            r"maximum tokens you requested exceeds",
            r"max_tokens ?参数非法",
        ),
        ErrorMeaning.CONTENT_FILTER: (
            r"content[_ ](?:filter|policy|moderation)",
            r"(?:blocked|flagged|rejected|filtered|refused) (?:by|due to|for|as a result of) "
            r"(?:\w+ ){0,3}(?:safety|moderation|content|guardrails?)\b",
            r"(?:content|prompt|input|output|response)[_ ](?:was |is |has been )?blocked",
            r"prohibited[_ ]content",
            r"content (?:is )?unsafe|unsafe content",
            r"sensitive[_ ]?(?:content|information)",
            r"\b(?:safety_block|safety_violation|policy_violation)\b",
            r"jailbreak (?:\w+ ){0,2}detected|detected as (?:a )?jailbreak",
            r"violat\w+ (?:of )?(?:\w+[’']?s? ){0,2}(?:usage|use|safety) (?:polic|guideline)",
            r"guardrail_intervened|guardrail (?:\w+ ){0,3}(?:blocked|intervened)",
            r"ResponsibleAIPolicyViolation",
            r"content management policy",
            r"(?:prompt|request|input|content) was flagged",
            r"requires moderation on",
            r"\binvalid_prompt\b",
            r"Content Exists Risk",
            r"data_?inspection_?failed",
            r"may contain inappropriate content",
            r"considered high risk",
            r"不安全或敏感|违规信息|敏感词|敏感内容|内容审核|审核不通过",
            r"SAFETY_CHECK_TYPE",
            r"sensitive[_ ]words[_ ]detected",
            r"(?:input|output) new_sensitive",
            r"violation of provider terms of service",
        ),
        ErrorMeaning.CONTEXT_OVERFLOW: (
            r"context[_ ]length",
            r"context window",
            r"context limit",
            r"maximum context",
            r"context[_ ]size",
            r"(?:prompt|input|messages?)(?: text| content)? (?:is |are )?too (?:long|large)",
            r"Prompt 超长",
            r"上下文长度|(?:输入|内容|文本|消息)过长",
            r"(?:prompt|input) length[^.]{0,40} exceeds",
            r"longer than the maximum model length|max_model_len\b",
            r"(?:prompt|input) has [\d,]+ tokens, but",
            r"too many (?:input )?tokens",
            r"exceeds? (?:the )?(?:model'?s )?max(?:imum)?[^.]{0,40}tokens",
            r"input tokens exceed the configured limit",
            r"exceeded model token limit",
            r"reduce the length of the (?:messages|prompt|input)",
            r"range of input length",
            r"maximum prompt length",
            r"maximum allowed input length",
            r"`inputs` must have less than",
            r"`inputs` tokens \+ `max_new_tokens` must be",
            r"requested token count exceeds",
            r"string_above_max_length",
        ),
        ErrorMeaning.BAD_KEY: (
            r"api[_ ]key[_ ](?:not valid|invalid|expired)",
            r"invalid[_ ]?api[_ ]?key",
        ),
        ErrorMeaning.UNKNOWN_MODEL: (
            r"model_not_found",
            r"does not exist",
            r"model not exist",
            r"unknown model",
            r"no such model",
            r"is not a valid model id",
            r"(?:has been|is|model_)(?: )?(?:decommissioned|discontinued|retired|sunset)",
        ),
        ErrorMeaning.UNSUPPORTED: (
            r"unsupported_parameter",
            r"unsupported_value",
            r"unknown_parameter",
            r"is deprecated for this model",
            r"not supported (?:by|for|with) this model",
            r"extra inputs are not permitted",
            r"unknown name \"",
        ),
    }
)
"""Patterns of codes, types and messages, without regard to case."""

_PATTERNS = {
    meaning: re.compile("|".join(patterns), re.IGNORECASE)
    for meaning, patterns in ERROR_PHRASES.items()
}

ERROR_CODES = MappingProxyType[str, ErrorMeaning](
    {
        "1113": ErrorMeaning.BALANCE,
        "1211": ErrorMeaning.UNKNOWN_MODEL,
        "1261": ErrorMeaning.CONTEXT_OVERFLOW,
        "1301": ErrorMeaning.CONTENT_FILTER,
        "1304": ErrorMeaning.QUOTA,
        "1308": ErrorMeaning.QUOTA,
        "1309": ErrorMeaning.ACCOUNT,
        "1310": ErrorMeaning.QUOTA,
        "1313": ErrorMeaning.ACCOUNT,
        "1314": ErrorMeaning.ACCOUNT,
        "1315": ErrorMeaning.ACCOUNT,
        "1316": ErrorMeaning.QUOTA,
        "1317": ErrorMeaning.QUOTA,
        "1318": ErrorMeaning.QUOTA,
        "1319": ErrorMeaning.QUOTA,
        "1320": ErrorMeaning.QUOTA,
        "1321": ErrorMeaning.QUOTA,
    }
)
"""Codes that are numbers, which a message may have by chance."""

ERROR_STATUSES = MappingProxyType[str, int](
    {
        "invalid_request_error": 400,
        "invalid_prompt": 400,
        "context_length_exceeded": 400,
        "content_filter": 400,
        "data_inspection_failed": 400,
        "BadRequestError": 400,
        "INVALID_ARGUMENT": 400,
        "FAILED_PRECONDITION": 400,
        "exceed_context_size_error": 400,
        "authentication_error": 401,
        "invalid_authentication_error": 401,
        "invalid_api_key": 401,
        "UNAUTHENTICATED": 401,
        "billing_error": 402,
        "insufficient_balance": 402,
        "permission_error": 403,
        "permission_denied_error": 403,
        "PERMISSION_DENIED": 403,
        "not_found_error": 404,
        "model_not_found": 404,
        "NOT_FOUND": 404,
        "request_too_large": 413,
        "rate_limit_error": 429,
        "rate_limit_exceeded": 429,
        "rate_limit_reached_error": 429,
        "engine_overloaded_error": 429,
        "exceeded_current_quota_error": 429,
        "insufficient_quota": 429,
        "RESOURCE_EXHAUSTED": 429,
        "throttlingException": 429,
        "api_error": 500,
        "server_error": 500,
        "InternalServerError": 500,
        "INTERNAL": 500,
        "UNAVAILABLE": 503,
        "timeout_error": 504,
        "DEADLINE_EXCEEDED": 504,
        "overloaded_error": 529,
    }
)
"""The status of an error that comes with HTTP 200 and names its kind alone."""

_STATUS_BY_SPELLING = {_spelling(word): status for word, status in ERROR_STATUSES.items()}


def says(meaning: ErrorMeaning, message: str, words: str) -> bool:
    """Return whether a refusal has this meaning, by its message or by its codes and types."""
    if _PATTERNS[meaning].search(f"{words} {message}"):
        return True
    return any(ERROR_CODES.get(word) is meaning for word in words.split())


def find_status(word: str) -> int | None:
    """Return the status of an error's code or type."""
    return _STATUS_BY_SPELLING.get(_spelling(word))
