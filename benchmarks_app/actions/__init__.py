"""Named writes of benchmarks: keyword-only, the actor is `by`."""
