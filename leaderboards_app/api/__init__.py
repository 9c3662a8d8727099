"""Endpoints of standings and corrections."""
