"""Pre-flight: what a run will ask, cost, take and be able to tell, said before its start."""
