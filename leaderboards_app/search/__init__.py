"""Search over benchmarks, tasks, models, people and help."""
