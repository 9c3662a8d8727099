"""Computing boards: what counts, estimates and ranks, and the snapshots with their corrections."""
