"""Differences between two versions of a task: the definition, and the items."""
