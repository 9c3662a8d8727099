"""`Idempotency-Key` on writes that start work: a repeat gets the first response."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict, InvalidInput, Problem
from plumbmark.common.models import IdempotencyKey
from plumbmark.manifests import content_hash

HEADER = "Idempotency-Key"
_MAX_KEY_LENGTH = 255
_MAX_RESPONSE_TIME = timedelta(minutes=15)
"""No request takes this long; a key that is in use for longer was left by a process that died."""
_PARAMETERS = [
    OpenApiParameter(
        HEADER,
        {"type": "string", "minLength": 1, "maxLength": _MAX_KEY_LENGTH},
        OpenApiParameter.HEADER,
        description="A repeat with the same key within three days starts nothing.",
    ),
    OpenApiParameter(
        "Idempotent-Replayed",
        {"type": "string", "enum": ["true"]},
        OpenApiParameter.HEADER,
        response=True,
        description="The key was used before: this is the first response again.",
    ),
]


def idempotent(method: Callable[..., Response]) -> Callable[..., Response]:
    """Wrap a method of a view: store its response under the caller's key.

    The same key with another body is a conflict, and so is the same key while the first request
    is still being answered. A failed request frees the key. The header is added to the OpenAPI
    document, so apply this above `@action`, which would discard it.
    """

    @extend_schema(parameters=_PARAMETERS)
    @wraps(method)
    def wrapped(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER, "")
        if not key or isinstance(request.user, AnonymousUser):
            return method(self, request, *args, **kwargs)
        if len(key) > _MAX_KEY_LENGTH or not key.isprintable():
            raise InvalidInput(
                [Problem(f"must have 1 to {_MAX_KEY_LENGTH} printable characters", HEADER)]
            )
        digest = content_hash([request.method, request.path, _summarize_body(request)])
        row = _take_key(request, key, digest)
        if row is None and _free_abandoned_keys(request, key):
            row = _take_key(request, key, digest)
        if row is None:
            return _repeat_response(request, key, digest)
        try:
            response = method(self, request, *args, **kwargs)
        except BaseException:
            row.delete()
            raise
        if response.status_code >= 500:
            row.delete()
        else:
            row.status, row.body = response.status_code, response.data
            row.save(update_fields=["status", "body"])
        return response

    return wrapped


def _take_key(request: Request, key: str, digest: str) -> IdempotencyKey | None:
    """Take the key for this request; None if it is in use."""
    assert not isinstance(request.user, AnonymousUser)
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(user=request.user, key=key, request_hash=digest)
    except IntegrityError:
        return None


def _free_abandoned_keys(request: Request, key: str) -> bool:
    """Delete the key if the process that took it died before it responded; True if it did."""
    left = IdempotencyKey.objects.filter(
        user_id=request.user.pk or 0,
        key=key,
        status=None,
        created_at__lt=now() - _MAX_RESPONSE_TIME,
    )
    return left.delete()[0] > 0


def _repeat_response(request: Request, key: str, digest: str) -> Response:
    row = IdempotencyKey.objects.filter(user_id=request.user.pk or 0, key=key).first()
    if row is None or row.status is None:
        raise Conflict("A request with this Idempotency-Key is being answered; repeat in a moment.")
    if row.request_hash != digest:
        raise Conflict("This Idempotency-Key was used for another request; take a new one.")
    return Response(row.body, status=row.status, headers={"Idempotent-Replayed": "true"})


def _summarize_body(request: Request) -> Any:
    """Return what makes two requests the same: fields, and the names and sizes of files."""
    data = request.data
    if not isinstance(data, dict):
        return repr(data)
    return sorted(
        [name, [str(getattr(value, "name", value)), str(getattr(value, "size", ""))]]
        for name, value in data.items()
    )
