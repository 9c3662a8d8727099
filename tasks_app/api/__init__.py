"""Endpoints of tasks, versions, contenders, runs, samples and scorings."""
