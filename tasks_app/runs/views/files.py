"""Samples of a run as files."""

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tasks_app.runs.exports import respond_with_samples
from tasks_app.runs.manifests import readable_manifest, respond_with_run_file
from tasks_app.runs.queries import run_at


@require_safe
def samples_file(request: HttpRequest, run_id: int, extension: str) -> HttpResponseBase:
    """Return the samples as CSV, JSON or Parquet."""
    return respond_with_samples(request, run_id, extension)


@never_cache
@require_safe
def manifest(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """Return the manifest of a run with its hash."""
    found = readable_manifest(run_at(run_id=run_id, to=request.user))
    return JsonResponse({"hash": found.hash, "manifest": found.document})


@require_safe
def run_file(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """Return a run with its manifest, to be checked offline."""
    return respond_with_run_file(request, run_at(run_id=run_id, to=request.user))
