"""The caller, and the pages that describe the API."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plumbmark.accounts.callers import actor
from plumbmark.accounts.queries import namespaces_acted_for_by
from plumbmark.accounts.usage import usage_of
from plumbmark.api.reference import read_reference
from plumbmark.web.csp import with_csp
from plumbmark.web.page_cache import is_stranger, same_for_strangers


class UsageDetail(serializers.Serializer[Any]):
    """One limit and the part of it that is used."""

    name = serializers.CharField(help_text="`storage`, in bytes, or what is counted.")
    used = serializers.IntegerField()
    limit = serializers.IntegerField()


class MeDetail(serializers.Serializer[Any]):
    handle = serializers.CharField(allow_null=True)
    namespaces = serializers.ListField(child=serializers.CharField())
    scopes = serializers.ListField(child=serializers.CharField(), allow_null=True)
    limits = UsageDetail(many=True, help_text="Of your own namespace: what is used of what.")
    gateway_url = serializers.URLField(help_text="Base URL of the model API, without `/v1`.")


class MeView(APIView):
    subject = "Account"
    permission_classes = (IsAuthenticated,)

    @extend_schema(operation_id="get_me", responses=MeDetail)
    def get(self, request: Request) -> Response:
        """Return your handle and the namespaces that you can act for."""
        user = actor(request)
        namespace = getattr(user, "namespace", None)
        token = request.auth
        return Response(
            {
                "handle": namespace.handle if namespace else None,
                "namespaces": list(namespaces_acted_for_by(user).values_list("handle", flat=True)),
                "limits": UsageDetail(usage_of(namespace) if namespace else [], many=True).data,
                "scopes": getattr(token, "scopes", None),
                "gateway_url": settings.GATEWAY_URL,
            }
        )


@extend_schema(exclude=True)
class NoEndpoint(APIView):
    """Every other address below `/api/v1/`: programs get problem+json, not a page."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound(
            f"There is no endpoint {request.path}; {reverse('api:docs')} lists them all."
        )


@require_safe
def reference(request: HttpRequest) -> HttpResponseBase:
    """Show all operations in groups."""
    return _respond(request, "api/reference.html", {"reference": read_reference()})


@require_safe
def reference_group(request: HttpRequest, group: str) -> HttpResponseBase:
    """Show the operations of a group with their parameters and examples."""
    found = next((one for one in read_reference().groups if one.slug == group), None)
    if found is None:
        raise Http404(gettext("There is no such group of operations."))
    trail = [
        {"label": gettext("REST API"), "url": reverse("api:docs")},
        {"label": found.name},
    ]
    context = {"group": found, "reference": read_reference(), "trail": trail}
    return _respond(request, "api/group.html", context)


def _respond(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponseBase:
    def render_it() -> HttpResponse:
        return render(request, template, {**context, "base_url": f"{settings.SITE_URL}/api/v1"})

    if not is_stranger(request):
        return render_it()
    fingerprint = f"api {settings.SITE_URL} {read_reference().fingerprint}"
    return same_for_strangers(request, fingerprint, render_it)


@method_decorator(with_csp(style_src=("'self'", "'unsafe-inline'")), name="dispatch")
class InteractiveDocumentation(SpectacularSwaggerSplitView):
    """A page that sends requests from the browser. Its library sets styles from script, so only
    this page may.
    """

    url_name = "api:schema"
    # A page has no template for a response to OPTIONS.
    metadata_class = None
