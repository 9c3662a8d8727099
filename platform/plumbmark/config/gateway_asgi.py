"""The ASGI entry of the gateway's routes; `gateway_server` serves it."""

import gc
import os
import sys
from collections.abc import Sequence

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "plumbmark.config.settings")
django.setup()

from django.conf import settings  # noqa: E402

from plumbmark.compat.kaggle import model_proxy  # noqa: E402
from plumbmark.gateway.http import routes as own_routes  # noqa: E402
from plumbmark.gateway.http.asgi import App, Bodies, Route  # noqa: E402
from plumbmark.gateway.http.errors import openai_error  # noqa: E402


def routes() -> Sequence[Route]:
    """Return every route of this process; created on its event loop."""
    context = own_routes.RouteContext(calls_at_once=settings.MAX_GATEWAY_CALLS)
    return [*own_routes.routes(context), *model_proxy.routes(context)]


app = App(
    routes,
    bodies=Bodies(
        largest=settings.MAX_GATEWAY_BODY_BYTES, together=8 * settings.MAX_GATEWAY_BODY_BYTES
    ),
    write_error=openai_error,
    drain_seconds=settings.GATEWAY_DRAIN_SECONDS,
)

# As in a worker: the event loop must not wait long for the thread that stores, nor for collections
# that look through everything that was imported.
sys.setswitchinterval(0.0005)
gc.collect()
gc.freeze()
