"""Kinds of tasks to start from: each a complete task with data that runs as it is."""
