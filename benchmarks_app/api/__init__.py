"""Endpoints of benchmarks, their versions and entries."""
