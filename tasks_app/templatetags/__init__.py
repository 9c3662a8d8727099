"""Template filters of tasks and their scores."""
