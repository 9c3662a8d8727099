"""Metrics of a whole run that are no mean over items: F1, correlation, calibration and the like."""
