"""A person's or a team's public page."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from plumbmark.accounts.handles import normal_handle
from plumbmark.accounts.models import User
from plumbmark.accounts.profile_sections import profile_sections
from plumbmark.accounts.queries import visible_namespaces


@require_safe
def profile(request: HttpRequest, handle: str) -> HttpResponse:
    namespace = visible_namespaces().filter(handle=normal_handle(handle)).first()
    if namespace is None:
        raise Http404
    if handle != namespace.handle:
        return redirect(namespace, permanent=True)
    context = {
        "namespace": namespace,
        "sections": profile_sections(namespace, request.user),
        "is_own": namespace.user_id is not None and namespace.user_id == request.user.pk,
    }
    return render(request, "accounts/profile.html", context)


@login_required
@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """Redirect to the person's own profile, or to the e-mail settings while it is not visible."""
    assert isinstance(request.user, User)
    namespace = visible_namespaces().filter(user=request.user).first()
    return redirect(namespace or "account_email")
