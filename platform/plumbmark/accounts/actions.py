"""Writes to accounts: opening one, forgetting one that was never confirmed, editing a profile."""

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from plumbmark.accounts.handles import check_handle, normal_handle
from plumbmark.accounts.models import Namespace, User
from plumbmark.accounts.passwords import check_password
from plumbmark.common import audit
from plumbmark.common.attempts import attempt_each
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.common.models import AuditEvent
from plumbmark.common.outbox import record_event

UNCONFIRMED_KEPT = timedelta(days=3)
"""As long as the link in the confirmation mail is valid."""


class EmailTaken(Conflict):
    """Never shown to strangers: it would tell who has an account."""

    code = "email-taken"


@sensitive_variables("password")
def open_account(
    *,
    email: str,
    password: str | None,
    handle: str,
    display_name: str = "",
    is_confirmed: bool = False,
    is_administrator: bool = False,
    by: User | None = None,
) -> User:
    """Create a user with their namespace, in one transaction; the actor is the new user unless
    given.

    `is_confirmed` means that the address is known to be theirs; otherwise they cannot sign in until
    they have followed the link in the confirmation e-mail. Without a password they set one by
    resetting it. Raises InvalidInput, Conflict (`handle-taken`) or EmailTaken.
    """
    email = email.strip().lower()
    handle = normal_handle(handle)
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInput(
            [Problem("Enter an e-mail address like name@example.org.", path="email")]
        ) from error
    check_handle(handle)
    if password is not None:
        _check_password(password, email=email, handle=handle, display_name=display_name)
    if User.objects.filter(email=email).exists():
        raise EmailTaken("There is already an account with this e-mail address.")
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                email, password, is_staff=is_administrator, is_superuser=is_administrator
            )
            namespace = Namespace.objects.create(
                kind=Namespace.Kind.PERSON, handle=handle, display_name=display_name, user=user
            )
            if is_confirmed:
                EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
            audit.record(
                "account.opened",
                f"namespace:{namespace.public_id}",
                by=by or user,
                administrator=is_administrator,
            )
            record_event("namespace.updated", namespace_id=namespace.pk)
    except IntegrityError as error:
        # Two people at the same moment: the unique constraints decide.
        if User.objects.filter(email=email).exists():
            raise EmailTaken("There is already an account with this e-mail address.") from error
        raise Conflict(
            f"“{handle}” was taken a moment ago. Choose another handle.", code="handle-taken"
        ) from error
    return user


@sensitive_variables("password")
def _check_password(password: str, **names: str) -> None:
    try:
        check_password(password, **names)
    except ValidationError as error:
        raise InvalidInput(
            [Problem(message, path="password") for message in error.messages]
        ) from error


def edit_profile(*, namespace: Namespace, display_name: str, bio: str, by: User) -> Namespace:
    """Change how a person appears; the handle stays, because links point to it."""
    if namespace.user_id != by.pk and not by.is_superuser:
        raise NotAllowed("Only the person may edit a profile.")
    with transaction.atomic():
        namespace.display_name = display_name.strip()
        namespace.bio = bio.strip()
        namespace.save(update_fields=["display_name", "bio"])
        audit.record("profile.edited", f"namespace:{namespace.public_id}", by=by)
        record_event("namespace.updated", namespace_id=namespace.pk)
    return namespace


def forget_unconfirmed_account(user: User) -> bool:
    """Delete an account whose address was never confirmed; False where it is in use after all."""
    with transaction.atomic():
        user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        if user.is_staff or user.last_login is not None:
            return False
        if EmailAddress.objects.filter(user=user, verified=True).exists():
            return False
        AuditEvent.objects.filter(actor=user).update(actor=None)
        Namespace.objects.filter(user=user).delete()
        user.delete()
    return True


def forget_unconfirmed_accounts() -> int:
    """Free the handles and addresses of sign-ups that nobody confirmed in time."""
    stale = User.objects.filter(
        date_joined__lt=timezone.now() - UNCONFIRMED_KEPT,
        is_staff=False,
        last_login__isnull=True,
        erased_at__isnull=True,
        emailaddress__verified=False,
    ).exclude(emailaddress__verified=True)
    forgotten = attempt_each(
        "forget an account",
        stale.distinct(),
        forget_unconfirmed_account,
        key=lambda user: user.pk,
        max_items=500,
    )
    return sum(forgotten)
