"""The WSGI entry of the pages and the REST API."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")

application = get_wsgi_application()

# What is loaded by now stays: it need not be looked through at every collection.
gc.collect()
gc.freeze()
