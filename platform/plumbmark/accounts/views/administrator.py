"""The page behind the one-time administrator link."""

from django.contrib import messages
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from plumbmark.accounts.first_administrator import (
    LinkUsed,
    comes_from_this_machine,
    link_is_valid,
    make_first_administrator,
)
from plumbmark.accounts.forms import AdministratorForm
from plumbmark.common.errors import DomainError


@never_cache
@sensitive_post_parameters("password")
@sensitive_variables("token")
@require_http_methods(["GET", "HEAD", "POST"])
def administrator(request: HttpRequest, token: str) -> HttpResponse:
    # To anybody else the page does not exist, whatever the token.
    if not comes_from_this_machine(request) or not link_is_valid(token):
        raise Http404
    form = AdministratorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = make_first_administrator(token=token, **form.cleaned_data)
        except LinkUsed as error:
            raise Http404 from error
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            messages.success(request, _("You are the administrator of this installation."))
            return redirect("accounts:me")
    return render(
        request, "accounts/administrator.html", {"form": form}, status=422 if form.errors else 200
    )
