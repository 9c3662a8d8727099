"""The scheduler's Celery app: it queues jobs by name and runs none, so it loads no Django app.

    celery -A plumbmark.config.scheduler beat

It takes about half of the memory that the worker's app takes.
"""

import os

from celery import Celery

from plumbmark.config import file_queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")

file_queue.use()
# Without fixups: Celery's for Django would set it up whole. Not the current one, where jobs are.
app = Celery("plumbmark-scheduler", fixups=[], set_as_current=False)
app.config_from_object("django.conf:settings", namespace="CELERY")
