"""Users, the namespaces that own everything, teams, and personal API tokens."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.auth.password_validation import validate_password
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.devices import MAX_USER_AGENT, describe_device
from plumbmark.common.ids import new_public_id


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> models.QuerySet["User"]:
        """Return people with what nearly every page asks of the person who opened it: their own
        namespace, and whether they act for others.
        """
        teams = Membership.objects.filter(user=models.OuterRef("pk"), role__in=Membership.ACTING)
        found = super().get_queryset().select_related("namespace")
        return found.annotate(acts_for_teams=models.Exists(teams))

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        """Create a user without a namespace; `accounts.actions.open_account` creates both.

        Raises ValidationError for a password that breaks the rule.
        """
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        if password is not None:
            validate_password(password, user)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who can sign in. Owns nothing: their namespace does."""

    email = models.EmailField(_("e-mail address"), unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When the person was pseudonymised; the row stays, because others refer to it."""

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="user_email_is_unique_in_any_case")
        ]

    def __str__(self) -> str:
        # E-mail addresses are private; pages show the namespace.
        return f"user {self.pk}"


class Namespace(models.Model):
    """A unique handle, of a person or a team. Tasks, benchmarks, runs and budgets belong to one."""

    class Kind(models.TextChoices):
        PERSON = "person", _("person")
        TEAM = "team", _("team")

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.PERSON)
    handle = models.CharField(
        _("handle"),
        max_length=39,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){1,38}\Z",
                _("Use 2 to 39 lower-case letters, digits and single hyphens."),
            )
        ],
    )
    display_name = models.CharField(_("display name"), max_length=80, blank=True)
    bio = models.TextField(_("bio"), max_length=1000, blank=True)
    user = models.OneToOneField(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="namespace"
    )
    """The person behind a personal namespace; None for a team."""
    max_storage_mib = models.PositiveIntegerField(
        _("storage in MiB"),
        null=True,
        blank=True,
        help_text=_("The most that files may take; empty: the installation's setting."),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(kind="person", user__isnull=False)
                | models.Q(kind="team", user__isnull=True),
                name="namespace_of_a_person_has_its_user",
            )
        ]

    def __str__(self) -> str:
        return self.handle

    def get_absolute_url(self) -> str:
        return reverse("accounts:profile", args=[self.handle])

    @property
    def label(self) -> str:
        return self.display_name or self.handle


class Membership(models.Model):
    """A person in a team."""

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        MAINTAINER = "maintainer", _("maintainer")
        MEMBER = "member", _("member")

    ACTING: ClassVar = (Role.OWNER, Role.MAINTAINER)
    """The roles that write and run things in the team's name."""
    namespace = models.ForeignKey(
        Namespace, on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["namespace", "user"], name="membership_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.namespace_id}"


class ApiToken(models.Model):
    """A personal token of the form `pmk_…`; only its digest is kept."""

    class Scope(models.TextChoices):
        READ = "read", _("read what I can see")
        WRITE = "write", _("write tasks, benchmarks and runs")
        GATEWAY = "gateway", _("call models through the gateway")

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("name"), max_length=80)
    hint = models.CharField(max_length=12, editable=False)
    """The first characters, enough to recognise the token by."""
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"


class SignIn(models.Model):
    """A session in which a person is signed in. See `plumbmark.accounts.sign_ins`."""

    MAX_ADDRESS = 45

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    session_digest = models.CharField(max_length=40, unique=True, editable=False)
    """As `sessions.digest_of` makes it, and the table of sessions has it."""
    user_agent = models.CharField(max_length=MAX_USER_AGENT, blank=True, editable=False)
    address = models.CharField(max_length=MAX_ADDRESS, blank=True, editable=False)
    """The network address of the last use."""
    signed_in_at = models.DateTimeField(editable=False)
    seen_at = models.DateTimeField(editable=False)

    def __str__(self) -> str:
        return self.public_id

    @property
    def device(self) -> str:
        return describe_device(self.user_agent)


class Notice(models.Model):
    """A mail to a person about their account that is still to be sent: see `accounts.notices`."""

    to = models.EmailField()
    subject = models.CharField(max_length=200)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    claimed_at = models.DateTimeField(null=True)
    """When a worker began to send it."""

    def __str__(self) -> str:
        return f"notice {self.pk}"
