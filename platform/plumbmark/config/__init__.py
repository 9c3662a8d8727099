"""Settings, URLs, servers and the Celery app. Imports anything, is imported by nobody."""

# Whoever loads the settings gets the Celery app with them, so that jobs find their broker.
from plumbmark.config.celery import app as celery_app

__all__ = ["celery_app"]
