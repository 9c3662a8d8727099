"""The table that decides what is scored."""

from plumbmark.scoring.outcomes import Outcome

SCORED = {
    "answered",
    "refusal",
    "content_filter",
    "empty",
    "malformed",
    "length_limit",
    "context_overflow",
    "sandbox_failure",
    "own_limit",
}
UNSCORED = {
    "rate_limited",
    "provider_error",
    "network",
    "deadline",
    "quota",
    "sandbox_infrastructure",
    "scorer_bug",
    "no_verdict",
    "task_error",
}


def test_the_models_own_failures_are_scored_and_the_platforms_are_not() -> None:
    assert {str(outcome) for outcome in Outcome if outcome.is_scored} == SCORED
    assert {str(outcome) for outcome in Outcome if not outcome.is_scored} == UNSCORED


def test_every_outcome_explains_how_it_counts() -> None:
    for outcome in Outcome:
        said_unscored = "unscored" in outcome.explanation
        assert said_unscored is not outcome.is_scored
