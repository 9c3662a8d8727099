"""Offers of tasks to other people and teams, who accept or decline them."""
