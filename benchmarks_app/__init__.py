"""Benchmarks, their versions and their entries."""
