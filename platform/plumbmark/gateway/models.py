"""Rows of the gateway: deployments, prices, credentials, budgets, grants and calls.

The gateway knows no tasks and no runs: a grant's `subject` is opaque to it.
Money is integer nanodollars (1 USD = 10**9).
"""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace
from plumbmark.common.ids import new_public_id
from plumbmark.common.models import Withholdable


class CatalogueModel(models.Model):
    """Facts about a model. Never callable by itself: a deployment is."""

    slug = models.CharField(max_length=160, unique=True)
    """`maker/name`."""
    maker = models.CharField(max_length=80)
    name = models.CharField(max_length=120)
    licence = models.CharField(max_length=80, blank=True)
    open_weights = models.BooleanField(null=True, blank=True)
    modalities = models.JSONField(default=list, blank=True)
    """Words such as `text`, `image`, `audio`: what it takes in."""
    context_tokens = models.PositiveIntegerField(null=True, blank=True)
    released_on = models.DateField(null=True, blank=True)
    knowledge_until = models.DateField(null=True, blank=True)
    deprecated_on = models.DateField(null=True, blank=True)
    """From when on its maker advises against it or no longer offers it."""
    description = models.TextField(blank=True)
    homepage = models.URLField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["maker", "name"]

    def __str__(self) -> str:
        return self.slug


class Credential(models.Model):
    """A key to a provider: the name of an environment variable, or a secret encrypted at rest."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=80)
    owner = models.ForeignKey(
        Namespace, null=True, blank=True, on_delete=models.PROTECT, related_name="credentials"
    )
    """None: the platform's own."""
    environment_variable = models.CharField(max_length=120, blank=True)
    encrypted_secret = models.BinaryField(null=True, editable=False)
    hint = models.CharField(max_length=8, blank=True, editable=False)
    """The last characters of the secret, to recognise it by."""
    fingerprint = models.CharField(max_length=16, blank=True, editable=False)
    """The beginning of the SHA-256 of the secret in hexadecimal, to recognise it by; empty for one
    so short that it could be guessed from it."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(owner__isnull=True) | Q(environment_variable=""),
                name="credential_of_a_user_reads_no_environment",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ProviderConnection(models.Model):
    """A provider as it was connected: where it is, its key, and the models that it lists."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=80)
    slug = models.CharField(max_length=40)
    """Begins the slugs of its deployments; unique among those of its owner."""
    owner = models.ForeignKey(
        Namespace,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="provider_connections",
    )
    """None: the platform's own."""
    kind = models.CharField(max_length=20)
    """Of `connections.providers`."""
    wire_format = models.CharField(max_length=12)
    base_url = models.CharField(max_length=300)
    credential = models.ForeignKey(
        Credential, null=True, blank=True, on_delete=models.PROTECT, related_name="connections"
    )
    listed_models = models.JSONField(default=list, blank=True)
    """`[{"id": …, "context_tokens": … or null}]`, as the provider last listed them."""
    listed_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    paused_deployments = models.JSONField(default=list, blank=True)
    """The ids of the deployments that were switched off with it, to switch on again."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Coalesce("owner", Value(0)), "slug", name="providerconnection_slug_is_unique"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Deployment(models.Model):
    """A way to call a model."""

    class Provider(models.TextChoices):
        OPENAI = "openai", _("OpenAI format")
        ANTHROPIC = "anthropic", _("Anthropic Messages")
        GEMINI = "gemini", _("Gemini generateContent")
        BASELINE = "baseline", _("baseline program")

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    slug = models.CharField(max_length=200, unique=True)
    """How clients name it: `provider/owner/name` or `maker/name`."""
    model = models.ForeignKey(CatalogueModel, on_delete=models.PROTECT, related_name="deployments")
    provider = models.CharField(max_length=12, choices=Provider.choices)
    base_url = models.CharField(max_length=300, blank=True)
    upstream_id = models.CharField(max_length=200)
    """The model's name at the provider."""
    credential = models.ForeignKey(
        Credential, null=True, blank=True, on_delete=models.PROTECT, related_name="deployments"
    )
    connection = models.ForeignKey(
        ProviderConnection,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="deployments",
    )
    owner = models.ForeignKey(
        Namespace, null=True, blank=True, on_delete=models.PROTECT, related_name="deployments"
    )
    """None: the platform's, metered against the caller's quota. A user's own deployment is not
    metered."""
    is_active = models.BooleanField(default=True)
    max_concurrency = models.PositiveIntegerField(default=64)
    """Ceiling of calls in flight per process; the adaptive limit stays below it."""
    deadline_seconds = models.FloatField(null=True, blank=True)
    """None: the platform's default."""
    max_billed_output_tokens = models.PositiveIntegerField(null=True, blank=True)
    """For models that may bill more output than requested (hidden reasoning)."""
    options = models.JSONField(default=dict, blank=True)
    """Provider-specific switches, for example `{"max_tokens_field": "max_completion_tokens"}`."""
    found_options = models.JSONField(default=dict, blank=True, editable=False)
    """Options that the gateway found out from the provider's refusals; `options` win over them."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["slug"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(max_concurrency__gte=1), name="deployment_admits_a_call"
            )
        ]

    def __str__(self) -> str:
        return self.slug


class PriceCard(models.Model):
    """The price of a deployment from a date on, in nanodollars per million tokens.

    An explicit 0 is free. No card is no price: the platform's keys then refuse.
    """

    class Source(models.TextChoices):
        LIBRARY = "library", _("price data library")
        ADMIN = "admin", _("set by an administrator")

    deployment = models.ForeignKey(
        Deployment, on_delete=models.PROTECT, related_name="price_cards", db_index=False
    )
    valid_from = models.DateTimeField()
    input_per_mtok = models.BigIntegerField()
    cached_input_per_mtok = models.BigIntegerField(null=True, blank=True)
    """None: as input."""
    output_per_mtok = models.BigIntegerField()
    per_request = models.BigIntegerField(default=0)
    source = models.CharField(max_length=8, choices=Source.choices)
    matched_provider = models.CharField(max_length=80, blank=True)
    matched_id = models.CharField(max_length=200, blank=True)
    """The entry of the price data that was matched: matching is fuzzy, so it is kept."""
    data_version = models.CharField(max_length=80, blank=True)
    data_date = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["deployment", "valid_from"], name="pricecard_is_unique_in_time"
            ),
            models.CheckConstraint(
                condition=Q(input_per_mtok__gte=0)
                & Q(output_per_mtok__gte=0)
                & Q(per_request__gte=0)
                & (Q(cached_input_per_mtok__isnull=True) | Q(cached_input_per_mtok__gte=0)),
                name="pricecard_is_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deployment_id} from {self.valid_from:%Y-%m-%d}"


class Grant(models.Model):
    """All that the gateway needs to know to serve a call."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    payer = models.ForeignKey(Namespace, on_delete=models.PROTECT, related_name="grants")
    subject = models.CharField(max_length=120)
    """Opaque to the gateway, for example `run:12`; shown on ledger lines."""
    deployments = models.ManyToManyField(Deployment, related_name="grants")
    """The only ones it may call."""
    cap = models.BigIntegerField(null=True, blank=True)
    """The most it may spend in total; None: only the payer's day and month limits apply."""
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["subject"], name="grant_by_subject")]

    def __str__(self) -> str:
        return self.subject


class QuotaPolicy(models.Model):
    """The limits of a namespace; the row without one is the default of all others."""

    namespace = models.OneToOneField(
        Namespace, null=True, blank=True, on_delete=models.CASCADE, related_name="quota_policy"
    )
    day_cap = models.BigIntegerField(help_text=_("nanodollars per UTC day"))
    month_cap = models.BigIntegerField(help_text=_("nanodollars per UTC month"))
    note = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "quota policies"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(day_cap__gte=0) & Q(month_cap__gte=0),
                name="quotapolicy_is_not_negative",
            ),
            models.UniqueConstraint(
                Coalesce("namespace", Value(0)), name="quotapolicy_default_is_one"
            ),
        ]

    def __str__(self) -> str:
        return str(self.namespace or "default")


class Budget(models.Model):
    """An amount that may be spent: a payer's day, a payer's month, or a grant's whole life.

    `spent + reserved <= cap` at every reservation; `reserved` equals the sum of its leases.
    """

    class Kind(models.TextChoices):
        DAY = "day", _("day")
        MONTH = "month", _("month")
        GRANT = "grant", _("grant")

    payer = models.ForeignKey(Namespace, on_delete=models.PROTECT, related_name="budgets")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    period_start = models.DateField(null=True, blank=True)
    """UTC; None for a grant's budget."""
    grant = models.OneToOneField(
        Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="budget"
    )
    cap = models.BigIntegerField()
    spent = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["payer", "kind", "period_start"],
                condition=Q(grant__isnull=True),
                name="budget_is_unique_in_its_period",
            ),
            models.CheckConstraint(condition=Q(cap__gte=0), name="budget_cap_is_not_negative"),
            models.CheckConstraint(condition=Q(spent__gte=0), name="budget_spent_is_not_negative"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0), name="budget_reserved_is_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(kind="grant", grant__isnull=False, period_start__isnull=True)
                | Q(grant__isnull=True, period_start__isnull=False),
                name="budget_has_a_period_or_a_grant",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.period_start or self.grant_id}"

    @property
    def left(self) -> int:
        """Return the amount that may still be reserved; never below 0, even after an overrun."""
        return max(0, self.cap - self.spent - self.reserved)


class BudgetLease(models.Model):
    """A part of a budget that one process hands out from memory."""

    owner = models.CharField(max_length=64)
    """The process: opaque, new at every start."""
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="leases")
    amount = models.BigIntegerField(default=0)
    seen_at = models.DateTimeField()
    """The owner's last heartbeat, by the database's clock."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "budget"], name="budgetlease_is_unique"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="budgetlease_is_not_negative"),
        ]
        indexes: ClassVar = [models.Index(fields=["seen_at"], name="budgetlease_by_seen")]

    def __str__(self) -> str:
        return f"{self.owner} holds {self.amount} of {self.budget_id}"


class LedgerLine(models.Model):
    """One line of a payer's ledger: appended, and changed only where retention sums old lines.

    A settle line covers the calls of one grant in one flush; its `charged` is their sum.
    """

    class Kind(models.TextChoices):
        RESERVE = "reserve", _("reserved")
        SETTLE = "settle", _("settled")
        RELEASE = "release", _("released")
        OVERRUN = "overrun", _("overrun, borne by the platform")
        LOSS = "loss", _("loss, borne by the platform")
        ADJUST = "adjust", _("adjusted by an administrator")

    payer = models.ForeignKey(
        Namespace, on_delete=models.PROTECT, related_name="ledger_lines", db_index=False
    )
    grant = models.ForeignKey(
        Grant,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="ledger_lines",
        db_index=False,
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    reason = models.CharField(max_length=200)
    amount = models.BigIntegerField(default=0)
    """What was reserved or released; 0 on other lines."""
    charged = models.BigIntegerField(default=0)
    provider_cost = models.BigIntegerField(default=0)
    calls = models.PositiveIntegerField(default=0)
    day = models.DateField()
    """The UTC day of the reservation, to whose limits the line belongs."""
    at = models.DateTimeField()
    summed_lines = models.PositiveIntegerField(null=True, editable=False)
    """How many lines it sums, itself included; None: retention has not reached its day."""

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["payer", "-id"], name="ledgerline_by_payer"),
            models.Index(fields=["grant", "-id"], name="ledgerline_by_grant"),
            models.Index(
                fields=["payer", "day"],
                condition=Q(summed_lines__isnull=False),
                name="ledgerline_summed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.charged or self.amount}"


class Call(models.Model):
    """One recorded exchange with a deployment, with all its attempts."""

    class Status(models.TextChoices):
        ANSWERED = "answered", _("answered")
        FAILED = "failed", _("failed")
        LOST = "lost", _("lost")
        """In flight when its process died: what it cost is an upper bound, the platform's loss."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="calls")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="calls")
    price_card = models.ForeignKey(
        PriceCard, null=True, blank=True, on_delete=models.PROTECT, related_name="calls"
    )
    ledger_line = models.ForeignKey(
        LedgerLine,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="call_rows",
        db_index=False,
    )
    key = models.CharField(max_length=120, blank=True)
    """Names the question within the grant; see `ModelCaller.call`. Empty: not repeatable."""
    is_duplicate = models.BooleanField(default=False)
    """A second answer to a key that was charged already: charged 0, the platform's loss."""
    role = models.CharField(max_length=24, default="candidate")
    status = models.CharField(max_length=8, choices=Status.choices)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.CharField(max_length=1000, blank=True)
    attempts = models.JSONField(default=list)
    """One entry per attempt: `{"at", "ms", "status" or "error", "waited_ms"}`; where it broke off,
    what it cost (`calls.outcomes`); in the last, a limit of the answer that was lowered."""
    provider_request_id = models.CharField(max_length=200, blank=True)
    upstream_model = models.CharField(max_length=200, blank=True)
    finish_reason = models.CharField(max_length=24, blank=True)
    started_at = models.DateTimeField()
    latency_ms = models.PositiveIntegerField(default=0)
    """Of the last attempt."""
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cached_input_tokens = models.PositiveIntegerField(default=0)
    reasoning_tokens = models.PositiveIntegerField(default=0)
    usage_estimated = models.BooleanField(default=False)
    charged = models.BigIntegerField(default=0)
    provider_cost = models.BigIntegerField(default=0)
    is_private = models.BooleanField(default=False)
    """Carries a private item: pages and exports follow the item's visibility."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["grant", "key"],
                condition=Q(is_duplicate=False, status="answered") & ~Q(key=""),
                name="call_key_is_answered_once",
            ),
            models.CheckConstraint(
                condition=Q(charged__gte=0) & Q(provider_cost__gte=0),
                name="call_cost_is_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(charged__lte=F("provider_cost")), name="call_is_not_overcharged"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["ledger_line"], name="call_by_ledger_line"),
            models.Index(fields=["started_at"], name="call_by_time"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ExchangeObject(models.Model):
    """An object outside the database that has the bodies of a batch of exchanges."""

    key = models.CharField(max_length=80, unique=True)
    """Within the storage that the settings name."""
    written_at = models.DateTimeField()
    has_erased = models.BooleanField(default=False)
    """Some of it is named by no row any longer: the next sweep lets it go."""

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["id"], condition=Q(has_erased=True), name="exchangeobject_with_erased"
            )
        ]

    def __str__(self) -> str:
        return self.key


class Exchange(Withholdable):
    """The request and the response of a call, compressed. Never joined in lists."""

    call = models.OneToOneField(
        Call, primary_key=True, on_delete=models.PROTECT, related_name="exchange"
    )
    body = models.BinaryField()
    """JSON `{"request": …, "response": …}`, packed by zlib unless it is short; no credentials.
    Read it with `plumbmark.gateway.storage.exchanges`: it is empty if it lies in an object."""
    hash = models.CharField(max_length=72)
    """`h1:` and the SHA-256 of the canonical form; stays when the body is withheld."""
    stored_in = models.ForeignKey(
        ExchangeObject,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="exchanges",
        db_index=False,
    )
    """The object that has the body; None: the row has it."""
    start = models.BigIntegerField(null=True, editable=False)
    length = models.BigIntegerField(null=True, editable=False)

    class Meta:
        indexes: ClassVar = [
            # Nothing is in it while all bodies lie in their rows.
            models.Index(
                fields=["stored_in"],
                condition=Q(stored_in__isnull=False),
                name="exchange_by_object",
            )
        ]

    def __str__(self) -> str:
        return f"exchange of {self.call_id}"
