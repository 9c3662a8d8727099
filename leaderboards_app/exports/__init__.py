"""Standings and per-item results as files."""
