"""Runs from their cost and start to their samples, and the pages about them."""
