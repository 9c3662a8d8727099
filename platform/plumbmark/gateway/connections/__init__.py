"""Connections to providers: their keys, lists of models, prices and spend."""
