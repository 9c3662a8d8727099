"""The caller, and the API's own documentation page."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.decorators import method_decorator
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
from plumbmark.web.csp import with_csp


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


@method_decorator(with_csp(style_src=("'self'", "'unsafe-inline'")), name="dispatch")
class ApiDocumentation(SpectacularSwaggerSplitView):
    """The browsable description. Its library sets styles from script, so only this page may."""

    url_name = "api:schema"
    # A page has no template for a response to OPTIONS.
    metadata_class = None
