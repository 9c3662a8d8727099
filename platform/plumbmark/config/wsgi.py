"""The WSGI entry of the pages and the REST API."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")

application = get_wsgi_application()
