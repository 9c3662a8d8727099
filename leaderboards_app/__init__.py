"""Standings, comparison, the home page and the correction log."""
