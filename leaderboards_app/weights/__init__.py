"""Readers' own weights of a board's tasks, and who leads under all plausible ones."""
