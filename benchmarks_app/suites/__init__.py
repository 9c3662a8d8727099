"""Model suites: named sets of contenders that are run together."""
