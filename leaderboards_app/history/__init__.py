"""The snapshots of a benchmark, one after the other."""
