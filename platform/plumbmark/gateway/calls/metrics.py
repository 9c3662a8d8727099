"""What this process counts of its calls.

The label `deployment` is the platform's own name of one; deployments of people and teams share one
value, because there may be any number of them, with any names.
"""

from prometheus_client import Counter, Histogram

from plumbmark.common.metrics import OWN
from plumbmark.gateway.calls.policy import CallPolicy
from plumbmark.gateway.storage.records import CallRecord

NAMES = ("provider", "deployment")
_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

_CALLS = Counter(
    "plumbmark_calls",
    "Calls of models that were sent and have ended, by what became of them.",
    [*NAMES, "outcome"],
    registry=OWN,
)
_RETRIES = Counter(
    "plumbmark_call_retries",
    "Attempts after the first one.",
    NAMES,
    registry=OWN,
)
_SECONDS = Histogram(
    "plumbmark_call_duration_seconds",
    "How long the last attempt of a call took, with the whole answer.",
    NAMES,
    buckets=_BUCKETS,
    registry=OWN,
)
_FIRST_CHUNK_SECONDS = Histogram(
    "plumbmark_call_first_chunk_seconds",
    "How long streams took from the sending of the attempt to the first piece of the answer.",
    NAMES,
    buckets=_BUCKETS,
    registry=OWN,
)
_REFUSED = Counter(
    "plumbmark_calls_refused",
    "Calls that were not sent: no money left, a closed grant, a platform that is busy.",
    ["reason"],
    registry=OWN,
)

OTHERS = "(people's own)"


def names_of(terms: CallPolicy) -> tuple[str, str]:
    """Return the values of the labels `NAMES`."""
    return terms.provider_name, terms.deployment_name or OTHERS


def count_call(terms: CallPolicy, record: CallRecord) -> None:
    """Count a call that was sent and has ended."""
    names = names_of(terms)
    _CALLS.labels(*names, record.outcome or record.status).inc()
    _SECONDS.labels(*names).observe(record.latency_ms / 1000)
    if len(record.attempts) > 1:
        _RETRIES.labels(*names).inc(len(record.attempts) - 1)


def count_refusal(reason: str) -> None:
    """Count a call that was not sent; `reason` is a kind of failure."""
    _REFUSED.labels(reason).inc()


def note_first_chunk(terms: CallPolicy, seconds: float) -> None:
    _FIRST_CHUNK_SECONDS.labels(*names_of(terms)).observe(seconds)
