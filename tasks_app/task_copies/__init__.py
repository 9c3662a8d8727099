"""Copies of tasks with their provenance, and which licences go together."""
