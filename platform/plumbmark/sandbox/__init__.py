"""Running untrusted code, and its only way out: the gateway.

The public names are those below. Imports neither Django nor Celery; nothing here knows of runs,
tasks or models.
"""
