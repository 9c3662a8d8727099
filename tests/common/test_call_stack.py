"""Calls cost the same at every depth."""

import resource

import pytest

from plumbmark.common.call_stack import call_on_long_stack

CALLS = 500
DEPTHS = 400
"""Frames as small as these fill more than two pieces of 16 KiB."""


def _leaf(*values: int) -> int:
    return sum(values)


def _faults_of_calls(depth: int) -> int:
    """Return how many pages of memory the system had to give to calls at that depth."""
    if depth:
        return _faults_of_calls(depth - 1)
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(CALLS):
        _leaf(1, 2, 3)
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before


def _most_faults() -> int:
    return max(_faults_of_calls(depth) for depth in range(DEPTHS))


def test_calls_at_no_depth_ask_the_system_for_memory_again_and_again() -> None:
    assert call_on_long_stack(_most_faults) < CALLS / 5


def test_arguments_results_and_errors_pass_through() -> None:
    assert call_on_long_stack(divmod, 7, 3) == (2, 1)
    assert call_on_long_stack(sorted, [1, 2], reverse=True) == [2, 1]
    with pytest.raises(ValueError, match="invalid literal"):
        call_on_long_stack(int, "x")
