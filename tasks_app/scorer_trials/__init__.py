"""Trying the scorers of a draft on outputs, without a model. Saves nothing."""
