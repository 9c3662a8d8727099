"""How a sample ended, and whether that ending is scored: the table that decides rankings.

What a model (or an answer run in the sandbox) causes is scored and, as it usually contains no right
answer, usually as wrong; an answer cut off at the length limit is still read by the scorer. What
provider, network, platform or judge causes is unscored and never counts as wrong.
"""

from enum import StrEnum


class Outcome(StrEnum):
    ANSWERED = "answered"
    REFUSAL = "refusal"
    CONTENT_FILTER = "content_filter"
    EMPTY = "empty"
    MALFORMED = "malformed"
    LENGTH_LIMIT = "length_limit"
    CONTEXT_OVERFLOW = "context_overflow"
    SANDBOX_FAILURE = "sandbox_failure"
    OWN_LIMIT = "own_limit"

    RATE_LIMITED = "rate_limited"
    PROVIDER_ERROR = "provider_error"
    NETWORK = "network"
    DEADLINE = "deadline"
    QUOTA = "quota"
    SANDBOX_INFRASTRUCTURE = "sandbox_infrastructure"
    SCORER_BUG = "scorer_bug"
    NO_VERDICT = "no_verdict"
    TASK_ERROR = "task_error"

    @property
    def is_scored(self) -> bool:
        return self not in _UNSCORED

    @property
    def explanation(self) -> str:
        """One sentence for pages: what happened and how it counts."""
        return _EXPLANATIONS[self]


_UNSCORED = frozenset(
    {
        Outcome.RATE_LIMITED,
        Outcome.PROVIDER_ERROR,
        Outcome.NETWORK,
        Outcome.DEADLINE,
        Outcome.QUOTA,
        Outcome.SANDBOX_INFRASTRUCTURE,
        Outcome.SCORER_BUG,
        Outcome.NO_VERDICT,
        Outcome.TASK_ERROR,
    }
)

_EXPLANATIONS = {
    Outcome.ANSWERED: "The model answered; the scorer's verdict counts.",
    Outcome.REFUSAL: "The model declined to answer; what it wrote is scored, usually as wrong.",
    Outcome.CONTENT_FILTER: (
        "The provider's content filter stopped the answer; the partial answer is "
        "scored, usually as wrong."
    ),
    Outcome.EMPTY: "The answer was empty; this is scored, usually as wrong.",
    Outcome.MALFORMED: (
        "The answer did not have the required form; it is scored, usually as wrong."
    ),
    Outcome.LENGTH_LIMIT: (
        "The answer was cut off at the limit of output tokens; the partial answer is "
        "scored, usually as wrong."
    ),
    Outcome.CONTEXT_OVERFLOW: (
        "The question did not fit the model's context; this is scored as the model's own limit, "
        "usually as wrong."
    ),
    Outcome.SANDBOX_FAILURE: (
        "The answer failed or timed out when it was run in the sandbox; this is scored, "
        "usually as wrong."
    ),
    Outcome.OWN_LIMIT: (
        "The task's own limit of time or steps was reached; what there is so far is "
        "scored, usually as wrong."
    ),
    Outcome.RATE_LIMITED: (
        "The provider kept answering “too many requests” until the retries were used up; unscored."
    ),
    Outcome.PROVIDER_ERROR: (
        "The provider kept answering with an error until the retries were used up; unscored."
    ),
    Outcome.NETWORK: "The provider could not be reached over the network; unscored.",
    Outcome.DEADLINE: "The platform's own deadline for the call passed; unscored.",
    Outcome.QUOTA: "The quota was exhausted before this sample was run; unscored.",
    Outcome.SANDBOX_INFRASTRUCTURE: "The sandbox itself failed, not the answer; unscored.",
    Outcome.SCORER_BUG: "The scorer failed on this answer; unscored until it is fixed and re-run.",
    Outcome.NO_VERDICT: "The judge gave no readable verdict; unscored.",
    Outcome.TASK_ERROR: "The task's own code gave no score; unscored.",
}
