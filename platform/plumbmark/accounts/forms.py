"""Forms of sign-up, sign-in and the settings."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from allauth.account import forms as allauth_forms
from allauth.account.internal import flows
from django import forms
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.actions import EmailTaken
from plumbmark.accounts.handles import check_handle, hold_handle, normal_handle
from plumbmark.accounts.models import ApiToken, Namespace, User
from plumbmark.accounts.passwords import PASSWORD_HELP, check_password
from plumbmark.accounts.tokens import revoke_all_tokens
from plumbmark.common.errors import Conflict, DomainError
from plumbmark.common.names import unseen_character_problem


class _OurManners(forms.Form):
    """Labels instead of placeholders, one sentence of help, names that password managers know."""

    labels: ClassVar[dict[str, Any]] = {}
    helps: ClassVar[dict[str, Any]] = {}
    tokens: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.widget.attrs.pop("autofocus", None)
            if name in self.labels:
                field.label = self.labels[name]
            field.help_text = self.helps.get(name, "")
            if name in self.tokens:
                field.widget.attrs["autocomplete"] = self.tokens[name]


class LoginForm(_OurManners, allauth_forms.LoginForm):  # type: ignore[misc]
    labels: ClassVar = {
        "login": _("E-mail address"),
        "password": _("Password"),
    }
    tokens: ClassVar = {"login": "username", "password": "current-password"}


class SignUpForm(_OurManners, allauth_forms.SignupForm):  # type: ignore[misc]
    """E-mail, handle and one password; allauth's own plus the handle."""

    handle = forms.CharField(max_length=39, label=_("Handle"))
    field_order = ["email", "handle", "password1"]
    labels: ClassVar = {"email": _("E-mail address"), "password1": _("Password")}
    helps: ClassVar = {
        "email": _("We will send you a link to confirm it. Nobody else can see it."),
        "handle": _(
            "Your public name: 2 to 39 letters, digits and single hyphens. It cannot be changed."
        ),
        "password1": PASSWORD_HELP,
    }
    tokens: ClassVar = {"email": "email", "handle": "username", "password1": "new-password"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["handle"].widget.attrs.update(autocapitalize="none", spellcheck="false")

    def clean_handle(self) -> str:
        return _free_handle(self.cleaned_data["handle"])

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        # Allauth has compared the password with the address only.
        if "password1" in data and "password1" not in self.errors:
            try:
                check_password(
                    data["password1"], email=data.get("email", ""), handle=data.get("handle", "")
                )
            except forms.ValidationError as error:
                self.add_error("password1", error)
        return data

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        if self.account_already_exists:
            return None, self._answer_as_if_new(request)
        try:
            user, response = super().try_save(request)
        except EmailTaken:
            # Signed up twice at the same moment.
            return None, self._answer_as_if_new(request)
        except Conflict as error:
            messages.error(request, error.message)
            return None, redirect("account_signup")
        return user, response

    def _answer_as_if_new(self, request: HttpRequest) -> HttpResponse:
        """Answer with the same page, the same taken handle, after about the same time: reveal
        nothing.
        """
        make_password(self.cleaned_data["password1"])
        hold_handle(self.cleaned_data["handle"])
        response: HttpResponse = flows.signup.prevent_enumeration(
            request, email=self.cleaned_data["email"]
        )
        return response


class ChangeEmailForm(_OurManners, allauth_forms.AddEmailForm):  # type: ignore[misc]
    labels: ClassVar = {"email": _("New e-mail address")}
    helps: ClassVar = {
        "email": _("The old address stays in use until you follow the link sent to the new one.")
    }
    tokens: ClassVar = {"email": "email"}


class _RevokesTokens(forms.Form):
    """Asks whether the new password ends the access of tokens too: whoever knew the old one may
    have made some.
    """

    revoke_tokens = forms.BooleanField(
        label=_("Revoke my API tokens too"),
        required=False,
        initial=True,
    )
    revoke_help = _(
        "Programs that use one then need a new one. Sessions elsewhere end in any case."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["revoke_tokens"].help_text = self.revoke_help

    def save(self) -> None:
        super().save()  # type: ignore[misc]
        if self.cleaned_data["revoke_tokens"]:
            user: User = self.user  # type: ignore[attr-defined]
            revoke_all_tokens(user=user, by=user)


class ChangePasswordForm(
    _RevokesTokens,
    _OurManners,
    allauth_forms.ChangePasswordForm,  # type: ignore[misc]
):
    labels: ClassVar = {
        "oldpassword": _("Current password"),
        "password1": _("New password"),
        "password2": _("New password again"),
    }
    helps: ClassVar = {"password1": PASSWORD_HELP}
    tokens: ClassVar = {
        "oldpassword": "current-password",
        "password1": "new-password",
        "password2": "new-password",
    }


class SetPasswordForm(_OurManners, allauth_forms.SetPasswordForm):  # type: ignore[misc]
    """For those whose account has no password."""

    labels: ClassVar = {"password1": _("New password"), "password2": _("New password again")}
    helps: ClassVar = {"password1": PASSWORD_HELP}
    tokens: ClassVar = {"password1": "new-password", "password2": "new-password"}


class ResetPasswordForm(_OurManners, allauth_forms.ResetPasswordForm):  # type: ignore[misc]
    labels: ClassVar = {"email": _("E-mail address")}
    tokens: ClassVar = {"email": "username"}


class ResetPasswordKeyForm(
    _RevokesTokens,
    _OurManners,
    allauth_forms.ResetPasswordKeyForm,  # type: ignore[misc]
):
    labels: ClassVar = {
        "password1": _("New password"),
        "password2": _("New password again"),
    }
    helps: ClassVar = {"password1": PASSWORD_HELP}
    tokens: ClassVar = {"password1": "new-password", "password2": "new-password"}


class ReauthenticateForm(_OurManners, allauth_forms.ReauthenticateForm):  # type: ignore[misc]
    labels: ClassVar = {"password": _("Password")}
    tokens: ClassVar = {"password": "current-password"}


class AdministratorForm(forms.Form):
    """The first administrator, from the one-time link."""

    email = forms.EmailField(
        label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    handle = forms.CharField(
        label=_("Handle"),
        max_length=39,
        help_text=_("Your public name: 2 to 39 letters, digits and single hyphens."),
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        help_text=PASSWORD_HELP,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
    )

    def clean_handle(self) -> str:
        return _free_handle(self.cleaned_data["handle"])

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        names = {name: self.cleaned_data.get(name, "") for name in ("email", "handle")}
        check_password(password, **names)
        return password


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Namespace
        fields = ("display_name", "bio")
        labels: ClassVar = {"display_name": _("Name"), "bio": _("About you")}
        help_texts: ClassVar = {
            "display_name": _("Shown beside your handle."),
            "bio": _("Markdown; at most 1,000 characters."),
        }
        widgets: ClassVar = {
            "display_name": forms.TextInput(attrs={"autocomplete": "name"}),
            "bio": forms.Textarea(attrs={"rows": 6}),
        }

    def clean_display_name(self) -> str:
        name: str = self.cleaned_data["display_name"]
        if unseen := unseen_character_problem(name):
            raise forms.ValidationError(_("It %(problem)s.") % {"problem": unseen})
        return name


class TokenForm(forms.Form):
    """A new API token."""

    LIFETIMES: ClassVar = [
        ("30", _("30 days")),
        ("90", _("90 days")),
        ("365", _("1 year")),
        ("never", _("never")),
    ]

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        help_text=_("What it is for, for example “laptop” or “nightly run”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("Permissions"),
        choices=ApiToken.Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[ApiToken.Scope.READ],
    )
    lifetime = forms.ChoiceField(label=_("Expires after"), choices=LIFETIMES, initial="90")

    @property
    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["lifetime"]
        return timezone.now() + timedelta(days=int(days)) if days != "never" else None


def _free_handle(written: str) -> str:
    handle = normal_handle(written)
    try:
        check_handle(handle)
    except DomainError as error:
        raise forms.ValidationError(_plain(error)) from error
    return handle


def _plain(error: DomainError) -> str:
    """Return the message without the field's name, which is beside it."""
    problems = getattr(error, "problems", None)
    return "; ".join(problem.message for problem in problems) if problems else error.message
