"""Writing the next version of a benchmark: its tasks, weights, groups, rules and card."""
