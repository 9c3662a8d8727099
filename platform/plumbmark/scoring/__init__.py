"""Pure scorers, metrics, intervals, paired tests and ranking."""
