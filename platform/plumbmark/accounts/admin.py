"""Accounts in the administration."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.core import context as allauth_context
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts import tokens
from plumbmark.accounts.acting import person
from plumbmark.accounts.actions import open_account
from plumbmark.accounts.forms import AdministratorForm
from plumbmark.accounts.models import ApiToken, Membership, Namespace, User
from plumbmark.accounts.sign_ins import current_digest, end_sign_ins
from plumbmark.common.outbox import record_event

# Its own sign-in page has neither lockout nor confirmed addresses.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


class PersonPasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """Ends the person's sessions, as every change of a password does."""

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit)
        request = allauth_context.request
        but = current_digest(request) if request.user == user else ""
        end_sign_ins(user=user, by=request.user, but=but)
        context = {"by_administrator": request.user != user}
        get_adapter().send_notification_mail("account/email/password_changed", user, context)
        return user


def _change_address(user: User, old: str, *, by: User) -> None:
    """Make the new address the only one, so that the old one opens the account no longer, and tell
    both.
    """
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    context = {"from_email": old, "to_email": user.email, "by_administrator": by != user}
    for address in (old, user.email):
        get_adapter().send_notification_mail(
            "account/email/email_changed", user, context, email=address
        )


class PersonForm(UserChangeForm):  # type: ignore[type-arg]
    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        rivals = EmailAddress.objects.filter(email__iexact=email, verified=True)
        if rivals.exclude(user=self.instance).exists():
            raise forms.ValidationError(_("Another account has this address."))
        return email


class AccountCreationForm(AdministratorForm, forms.ModelForm):  # type: ignore[type-arg]
    """User and namespace together, as everywhere."""

    class Meta:
        model = User
        fields = ("email",)

    def save(self, commit: bool = True) -> User:
        by = getattr(self, "by", None)
        return open_account(
            email=self.cleaned_data["email"],
            password=self.cleaned_data["password"],
            handle=self.cleaned_data["handle"],
            is_confirmed=True,
            by=by,
        )

    def save_m2m(self) -> None:
        """Save nothing: a new account has no groups."""


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    add_form = AccountCreationForm
    form = PersonForm
    change_password_form = PersonPasswordForm
    ordering = ("-date_joined",)
    list_display = ("email", "namespace", "is_active", "is_staff", "date_joined")
    list_filter = ("is_active", "is_staff", "is_superuser")
    list_select_related = ("namespace",)
    search_fields = ("email", "namespace__handle")
    readonly_fields = ("date_joined", "last_login", "erased_at")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        (_("Permissions"), {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        (_("Dates"), {"fields": ("date_joined", "last_login", "erased_at")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "handle", "password")}),)
    filter_horizontal = ("groups",)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        if not change:
            form.by = request.user
        return super().save_form(request, form, change)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        # A new account is saved whole by its form.
        if change:
            super().save_model(request, obj, form, change)
            if "email" in form.changed_data:
                _change_address(obj, form.initial["email"], by=person(request))
            if not obj.is_active:
                # Or a session would go on once the account is opened again.
                end_sign_ins(user=obj, by=person(request))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Forbid deletion: others refer to people, so accounts are closed, or erased by
        pseudonym.
        """
        return False


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(Namespace)
class NamespaceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("handle", "display_name", "kind", "created_at")
    list_filter = ("kind",)
    search_fields = ("handle", "display_name")
    readonly_fields = ("public_id", "created_at")
    autocomplete_fields = ("user",)
    inlines = (MembershipInline,)

    def save_model(self, request: HttpRequest, obj: Namespace, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        record_event("namespace.updated", namespace_id=obj.pk)


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("namespace", "user", "role", "created_at")
    list_filter = ("role",)
    autocomplete_fields = ("namespace", "user")


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To see and revoke; the digest is never shown, and only their owners make tokens."""

    list_display = ("name", "hint", "user", "scopes", "expires_at", "last_used_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("name", "hint", "user__email")
    fields = (
        "name", "hint", "user", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at"
    )  # fmt: skip
    readonly_fields = fields
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description=_("Revoke the selected tokens"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        assert isinstance(request.user, User)
        for token in queryset:
            tokens.revoke_token(token=token, by=request.user)
