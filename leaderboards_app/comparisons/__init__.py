"""Models side by side: pairs of runs, of items, and of rows of a board."""
