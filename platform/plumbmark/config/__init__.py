"""Settings, URLs, servers and the Celery app. Imports anything, and nothing imports it."""

# Loading the settings also loads the Celery app, so that jobs find their broker.
from plumbmark.config.celery import app as celery_app

__all__ = ["celery_app"]
