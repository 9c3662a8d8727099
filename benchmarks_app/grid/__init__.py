"""The grid of a version: its contenders by its tasks, and starting their runs."""
