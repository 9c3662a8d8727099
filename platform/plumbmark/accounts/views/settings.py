"""A person's own settings."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbmark.accounts import actions, tokens
from plumbmark.accounts.acting import acting_namespaces
from plumbmark.accounts.adapter import tell_of_token
from plumbmark.accounts.forms import ProfileForm, TokenForm
from plumbmark.accounts.models import ApiToken, Namespace, SignIn, User
from plumbmark.accounts.queries import tokens_of
from plumbmark.accounts.sign_ins import (
    USE_NOTED_EVERY,
    current_digest,
    end_sign_in,
    end_sign_ins,
    sign_ins_of,
)
from plumbmark.accounts.usage import usage_of
from plumbmark.common.errors import InvalidInput

MAX_SESSIONS_SHOWN = 100


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@login_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return redirect("accounts:settings_profile")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    person = _person(request)
    namespace = Namespace.objects.filter(user=person).first()
    if namespace is None:
        raise Http404
    # A copy: a refused form must not change what the header shows.
    form = ProfileForm(request.POST or None, instance=Namespace.objects.get(pk=namespace.pk))
    if request.method == "POST" and form.is_valid():
        actions.edit_profile(namespace=namespace, **form.cleaned_data, by=person)
        messages.success(request, _("Your profile is saved."))
        return redirect("accounts:settings_profile")
    context = {"form": form, "namespace": namespace}
    return render(
        request, "accounts/settings_profile.html", context, status=422 if form.errors else 200
    )


@never_cache
@login_required
@require_safe
def token_list(request: HttpRequest) -> HttpResponse:
    return _token_page(request, TokenForm())


@never_cache
@login_required
@require_POST
@sensitive_variables("issued")
def token_create(request: HttpRequest) -> HttpResponse:
    """Create a token; answer with the page itself, not a redirect: the secret cannot be read
    again.
    """
    person = _person(request)
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _token_page(request, form, status=422)
    try:
        with transaction.atomic():
            issued = tokens.issue_token(
                user=person,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at,
            )
            tell_of_token(issued.token)
    except InvalidInput as error:
        for problem in error.problems:
            form.add_error(problem.path if problem.path in form.fields else None, problem.message)
        return _token_page(request, form, status=422)
    return _token_page(request, TokenForm(), issued=issued)


@login_required
@require_POST
def token_revoke(request: HttpRequest, public_id: str) -> HttpResponse:
    person = _person(request)
    token = get_object_or_404(ApiToken, public_id=public_id, user=person)
    tokens.revoke_token(token=token, by=person)
    messages.success(request, _("The token “%(name)s” is revoked.") % {"name": token.name})
    return redirect("accounts:tokens")


@never_cache
@login_required
@require_safe
def usage(request: HttpRequest) -> HttpResponse:
    """Show what the person and their teams store, and how much they may."""
    namespaces = acting_namespaces(request)
    context = {"groups": [(one, usage_of(one)) for one in namespaces]}
    return render(request, "accounts/usage.html", context)


@never_cache
@login_required
@require_safe
def session_list(request: HttpRequest) -> HttpResponse:
    """List where the person is signed in. The digest stays inside: rows go by their public id."""
    found = list(sign_ins_of(_person(request))[: MAX_SESSIONS_SHOWN + 1])
    current = current_digest(request)
    context = {
        "sessions": [(one, one.session_digest == current) for one in found[:MAX_SESSIONS_SHOWN]],
        "has_others": any(one.session_digest != current for one in found),
        "max_shown": MAX_SESSIONS_SHOWN if len(found) > MAX_SESSIONS_SHOWN else None,
        "minutes": int(USE_NOTED_EVERY.total_seconds() // 60),
    }
    return render(request, "accounts/sessions.html", context)


@login_required
@require_POST
def session_end(request: HttpRequest, public_id: str) -> HttpResponse:
    person = _person(request)
    sign_in = get_object_or_404(SignIn, public_id=public_id, user=person)
    if sign_in.session_digest == current_digest(request):
        logout(request)
        return redirect("account_login")
    end_sign_in(sign_in=sign_in, by=person)
    messages.success(
        request, _("The session on “%(device)s” has ended.") % {"device": sign_in.device}
    )
    return redirect("accounts:sessions")


@login_required
@require_POST
def session_end_others(request: HttpRequest) -> HttpResponse:
    person = _person(request)
    end_sign_ins(user=person, by=person, but=current_digest(request))
    messages.success(request, _("You are signed out everywhere else."))
    return redirect("accounts:sessions")


@login_required
@require_safe
def theme(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/settings_theme.html")


def _token_page(
    request: HttpRequest, form: TokenForm, status: int = 200, **more: Any
) -> HttpResponse:
    context = {"form": form, "tokens": tokens_of(_person(request)), **more}
    context["gateway_url"] = settings.GATEWAY_URL
    return render(request, "accounts/tokens.html", context, status=status)
