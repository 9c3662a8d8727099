"""Settings, URLs, servers and the Celery app. Imports anything, is imported by nobody."""
