"""Tasks, their drafts, their immutable versions and the items of a version."""

import hashlib
import secrets
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace, User
from plumbmark.common.fields import WrittenJSONField
from plumbmark.common.ids import new_public_id
from plumbmark.common.models import Withholdable
from plumbmark.gateway.models import Deployment


class Visibility(models.TextChoices):
    """The audience: its namespace, everyone with the link, everyone."""

    PRIVATE = "private", _("private")
    UNLISTED = "unlisted", _("unlisted")
    PUBLIC = "public", _("public")


def new_salt() -> str:
    return secrets.token_hex(16)


class DataFile(Withholdable):
    """An uploaded file, stored unchanged. Reached only through the row that uses it."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT, related_name="data_files")
    name = models.CharField(max_length=200)
    file = models.FileField(upload_to="data/%Y/%m")
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    stored_at = models.DateTimeField(null=True)
    """When these bytes came again, after `created_at`: then they are about to be used."""
    converted_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="conversions"
    )
    """The file as the author has it, where this one was written from it: `tables.conversion`."""
    conversion = models.JSONField(null=True, editable=False)
    """How that one was read: `{"format", "notes", "sheets", "options"}`."""

    def __str__(self) -> str:
        return self.name


class TableProfile(models.Model):
    """A description of a data file's columns, with the roles that they seem to have. Derived."""

    data_file = models.OneToOneField(
        DataFile, primary_key=True, on_delete=models.CASCADE, related_name="profile"
    )
    content = models.JSONField()
    """As `tables.documents` writes it."""
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"profile of {self.data_file_id}"


class Task(models.Model):
    """A problem set with a name; its versions have the questions and the scoring."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    namespace = models.ForeignKey(
        Namespace, on_delete=models.PROTECT, related_name="tasks", db_index=False
    )
    slug = models.SlugField(max_length=80)
    title = models.CharField(_("title"), max_length=120)
    summary = models.CharField(_("summary"), max_length=300, blank=True)
    visibility = models.CharField(
        max_length=8, choices=Visibility.choices, default=Visibility.PRIVATE
    )
    licence = models.CharField(_("licence"), max_length=80, blank=True)
    tags = models.JSONField(default=list, blank=True)
    citation = models.TextField(_("citation"), blank=True)
    source_url = models.CharField(_("address of the source"), max_length=300, blank=True)
    source_authors = models.CharField(_("authors of the source"), max_length=300, blank=True)
    source_licence = models.CharField(_("licence of the source"), max_length=80, blank=True)
    copied_from = models.ForeignKey(
        "TaskVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="copies"
    )
    """The published version that its first draft is a copy of."""
    latest_version = models.ForeignKey(
        "TaskVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """The newest published version."""
    pinned_version = models.ForeignKey(
        "TaskVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """The newest version that stayed visible when the task became private."""
    was_public = models.BooleanField(default=False)
    """Before it became private: its declared runs are still listed."""
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["namespace", "slug"], name="task_slug_is_unique")
        ]
        indexes: ClassVar = [
            models.Index(fields=["visibility", "-updated_at"], name="task_by_visibility")
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("tasks:detail", args=[self.namespace.handle, self.slug])


class FormerAddress(models.Model):
    """An address that a task had before it was transferred; it leads to the task."""

    namespace = models.ForeignKey(
        Namespace, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    slug = models.SlugField(max_length=80, db_index=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="former_addresses")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["namespace", "slug"], name="formeraddress_is_of_one_task"
            )
        ]

    def __str__(self) -> str:
        return self.slug


class AllowedDeployment(models.Model):
    """Another person's deployment to which the task's owner lets private items be sent."""

    task = models.ForeignKey(
        Task, on_delete=models.CASCADE, related_name="allowed_deployments", db_index=False
    )
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="+")
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["task", "deployment"], name="alloweddeployment_is_unique_to_its_task"
            )
        ]

    def __str__(self) -> str:
        return f"{self.deployment_id} for {self.task_id}"


class TaskDraft(models.Model):
    """An author's unpublished work: the definition's text and the data file beside it."""

    task = models.OneToOneField(Task, on_delete=models.CASCADE, related_name="draft")
    definition_text = models.TextField(blank=True)
    definition_format = models.CharField(
        max_length=4, choices=[("yaml", "YAML"), ("json", "JSON")], default="yaml"
    )
    data_file = models.ForeignKey(
        DataFile, null=True, blank=True, on_delete=models.PROTECT, related_name="drafts"
    )
    code_file = models.ForeignKey(
        DataFile, null=True, blank=True, on_delete=models.PROTECT, related_name="code_drafts"
    )
    """A Python file or a notebook: with one, the draft is that of a code task."""
    code_settings = models.TextField(blank=True)
    """YAML or JSON beside the code."""
    current_save = models.ForeignKey(
        "DraftSave",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    """The save that is the draft's state; none before there is anything to undo."""
    updated_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"draft of {self.task_id}"

    @property
    def kind(self) -> str:
        """Of the version that it would become."""
        return TaskVersion.Kind.DECLARATIVE if self.code_file_id is None else TaskVersion.Kind.CODE

    @property
    def fingerprint(self) -> str:
        """A short hash of the editor's texts: it differs when another editor has saved."""
        texts = (self.definition_text, self.code_settings, str(self.code_file_id or ""))
        return hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()[:16]


class DraftSave(models.Model):
    """A saved state of a draft, to which one can go back: see `tasks_app.draft_saves`."""

    class Kind(models.TextChoices):
        SAVED = "saved", _("saved")
        ROWS = "rows", _("rows changed")
        RESTORED = "restored", _("an earlier save again")

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    draft = models.ForeignKey(TaskDraft, on_delete=models.CASCADE, related_name="saves")
    previous = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="next_saves"
    )
    """The state that this one came in place of; undoing goes there."""
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.SAVED)
    definition_text = models.TextField(blank=True)
    definition_format = models.CharField(max_length=4, default="yaml")
    data_file = models.ForeignKey(
        DataFile, null=True, blank=True, on_delete=models.PROTECT, related_name="draft_saves"
    )
    code_file = models.ForeignKey(
        DataFile, null=True, blank=True, on_delete=models.PROTECT, related_name="code_draft_saves"
    )
    code_settings = models.TextField(blank=True)
    changes = models.JSONField(default=list)
    """The parts that differ from the previous state: `draft_saves.states.PARTS`."""
    summary = models.CharField(max_length=100, blank=True)
    """Of a change of rows: which."""
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"save {self.public_id} of {self.draft_id}"


class TaskVersion(Withholdable):
    """One state of a task. Immutable once run or published; `number` is given at publication.

    It is withheld where its content was withdrawn: see `tasks_app.authoring.withdrawal`.
    """

    class State(models.TextChoices):
        BUILDING = "building", _("being built")
        READY = "ready", _("ready")
        PUBLISHED = "published", _("published")
        FAILED = "failed", _("failed")

    class Kind(models.TextChoices):
        DECLARATIVE = "declarative", _("declarative")
        CODE = "code", _("code")

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    task = models.ForeignKey(
        Task, on_delete=models.PROTECT, related_name="versions", db_index=False
    )
    number = models.PositiveIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.DECLARATIVE)
    state = models.CharField(max_length=10, choices=State.choices, default=State.BUILDING)
    definition = WrittenJSONField()
    """The normalised document, defaults applied."""
    definition_text = models.TextField()
    """As the author wrote it."""
    definition_format = models.CharField(max_length=4, default="yaml")
    data_file = models.ForeignKey(
        DataFile, null=True, blank=True, on_delete=models.PROTECT, related_name="versions"
    )
    code_file = models.ForeignKey(
        DataFile, null=True, blank=True, on_delete=models.PROTECT, related_name="code_versions"
    )
    """Of a code task: the author's file, unchanged. The definition has what runs."""
    source_digest = models.CharField(max_length=72)
    """Of definition and data file: an unchanged draft is not built twice."""
    question_hash = models.CharField(max_length=72, blank=True)
    marking_hash = models.CharField(max_length=72, blank=True)
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    """For the hashes of private items; never shown."""
    canary = models.CharField(max_length=32, default=new_salt, editable=False)
    """Included in every export and transcript page, to find the data in a training set."""
    item_count = models.PositiveIntegerField(default=0)
    private_item_count = models.PositiveIntegerField(default=0)
    repeats = models.PositiveIntegerField(default=1)
    metric_name = models.CharField(max_length=80, blank=True)
    metric_direction = models.CharField(max_length=6, default="higher")
    metric_unit = models.CharField(max_length=40, blank=True)
    metric_lower = models.FloatField(null=True, blank=True)
    metric_upper = models.FloatField(null=True, blank=True)
    notes = models.TextField(_("what changed"), blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)
    pinned_at = models.DateTimeField(null=True, blank=True)
    """When its task became private while it had results: it stays visible all the same."""

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["task", "number"], name="taskversion_number_is_unique"),
            models.CheckConstraint(
                condition=~Q(state="published") | Q(number__isnull=False),
                name="taskversion_has_a_number_when_published",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["task", "source_digest"], name="taskversion_by_source"),
            models.Index(fields=["question_hash"], name="taskversion_by_question"),
        ]

    def __str__(self) -> str:
        return f"{self.task_id} v{self.number or '-'}"

    def get_absolute_url(self) -> str:
        return reverse(
            "tasks:version", args=[self.task.namespace.handle, self.task.slug, self.number]
        )


class AttachedFile(models.Model):
    """A data file that a code task finds as `/kaggle/input/<name>`: of its draft or a version."""

    draft = models.ForeignKey(
        TaskDraft, null=True, blank=True, on_delete=models.CASCADE, related_name="attached_files"
    )
    version = models.ForeignKey(
        TaskVersion, null=True, blank=True, on_delete=models.CASCADE, related_name="attached_files"
    )
    data_file = models.ForeignKey(DataFile, on_delete=models.PROTECT, related_name="attachments")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(draft__isnull=True) ^ Q(version__isnull=True),
                name="attachedfile_has_one_owner",
            )
        ]

    def __str__(self) -> str:
        return str(self.data_file)


class Attachment(Withholdable):
    """An image or audio, stored once by its content. Reached only through an item or a draft."""

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.PositiveBigIntegerField()
    media_type = models.CharField(max_length=20)
    """As the bytes tell, never as they were called."""
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveBigIntegerField(null=True, blank=True)
    file = models.FileField(upload_to="attachments")
    stored_at = models.DateTimeField()
    """When these bytes were last uploaded; unused ones are removed a day later."""

    class Meta:
        indexes: ClassVar = [models.Index(fields=["stored_at"], name="attachment_by_age")]

    def __str__(self) -> str:
        return self.sha256[:12]


class AttachmentUse(models.Model):
    """A name under which a draft or a version has an attachment."""

    draft = models.ForeignKey(
        TaskDraft,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="attachment_uses",
        db_index=False,
    )
    version = models.ForeignKey(
        TaskVersion,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="attachment_uses",
        db_index=False,
    )
    name = models.CharField(max_length=200)
    """As the data file has it."""
    attachment = models.ForeignKey(Attachment, on_delete=models.PROTECT, related_name="uses")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(draft__isnull=True) ^ Q(version__isnull=True),
                name="attachmentuse_has_one_owner",
            ),
            models.UniqueConstraint(fields=["draft", "name"], name="attachmentuse_draft_is_unique"),
            models.UniqueConstraint(
                fields=["version", "name"], name="attachmentuse_version_is_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Item(Withholdable):
    """One question of a version."""

    class Split(models.TextChoices):
        PUBLIC = "public", _("public")
        PRIVATE = "private", _("private")

    version = models.ForeignKey(
        TaskVersion, on_delete=models.CASCADE, related_name="items", db_index=False
    )
    position = models.PositiveIntegerField()
    """From 0, in the order of the data file."""
    key = models.CharField(max_length=200)
    """The author's id, or a generated one."""
    split = models.CharField(max_length=8, choices=Split.choices, default=Split.PUBLIC)
    input = WrittenJSONField()
    """The columns that the prompt and the tools use, by name."""
    target = WrittenJSONField(null=True)
    scorer_input = WrittenJSONField(default=dict)
    """The columns that the scorers use beside the target, by name."""
    choices = models.JSONField(null=True)
    """The options of a multiple-choice item, in the data's order."""
    cluster = models.CharField(max_length=200, blank=True)
    slices = WrittenJSONField(default=dict)
    attachments = models.JSONField(default=list)
    """Its images and audio, in the order of its messages: `{"name", "sha256", "media_type",
    "bytes"}`."""
    hash = models.CharField(max_length=72)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "position"], name="item_position_is_unique"),
            models.UniqueConstraint(fields=["version", "key"], name="item_key_is_unique"),
        ]

    def __str__(self) -> str:
        return self.key
