"""The evaluation core: a plan in, events out. No Django, no Celery."""
