"""Breadcrumbs down to a benchmark and the pages below it."""

from django.urls import reverse
from django.utils.translation import gettext as _

from benchmarks_app.models import Benchmark


def list_step() -> dict[str, str]:
    return {"label": _("Benchmarks"), "url": reverse("benchmarks:list")}


def trail_of(benchmark: Benchmark, *below: str) -> list[dict[str, str]]:
    """Return the steps to the benchmark's page, and the labels of the pages below it."""
    return [
        list_step(),
        {"label": benchmark.namespace.handle, "url": benchmark.namespace.get_absolute_url()},
        {"label": benchmark.title, "url": benchmark.get_absolute_url()},
        *({"label": label} for label in below),
    ]
