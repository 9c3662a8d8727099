"""Outputs of one model to all tasks of a benchmark at once: read, checked, submitted together."""
