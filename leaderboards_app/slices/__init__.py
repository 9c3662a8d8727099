"""Slices: scores of a board's rows on parts of its items."""
