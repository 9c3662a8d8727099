"""The rule of passwords: one for every place where somebody sets one."""

from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import (
    UserAttributeSimilarityValidator,
    validate_password,
)
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from plumbmark.accounts.models import Namespace, User


def password_rule() -> str:
    """Return the whole rule in words, to be shown before anybody chooses a password."""
    return _(
        "At least %(length)d characters. Not a common password, not only digits, and not like your "
        "name, handle or e-mail address."
    ) % {"length": settings.MIN_PASSWORD_LENGTH}


PASSWORD_HELP = lazy(password_rule, str)()


class NotLikeThePerson:
    """Refuse a password that is like the address, the handle or the name of its person."""

    def __init__(self) -> None:
        self._of_user = UserAttributeSimilarityValidator(("email",))
        self._of_namespace = UserAttributeSimilarityValidator(("handle", "display_name"))

    def validate(self, password: str, user: Any = None) -> None:
        self._of_user.validate(password, user)
        # A user without a namespace has neither.
        namespace = getattr(user, "namespace", None)
        if namespace is not None:
            self._of_namespace.validate(password, namespace)

    def get_help_text(self) -> str:
        return self._of_user.get_help_text()


@sensitive_variables("password")
def check_password(password: str, *, email: str, handle: str, display_name: str = "") -> None:
    """Raise Django's ValidationError if somebody new with these names may not use the password."""
    user = User(email=email)
    user.namespace = Namespace(handle=handle, display_name=display_name, user=user)
    validate_password(password, user)
