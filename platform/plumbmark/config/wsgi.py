"""The WSGI entry of the pages and the REST API."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")

application = get_wsgi_application()
# Loads every view, now rather than with the first request.
get_resolver().url_patterns  # noqa: B018

# What is loaded by now stays: it need not be looked through at every collection.
gc.collect()
gc.freeze()
