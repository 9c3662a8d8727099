"""Contenders, tasks and runs for staff. What is frozen is read only here too."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, URLField
from django.http import HttpRequest

from plumbmark.manifests import content_hash
from plumbmark.web.admin import ReadOnly
from tasks_app.models import Contender, Run, Task, TaskVersion

if TYPE_CHECKING:
    _ContenderAdmin = admin.ModelAdmin[Contender]
    _TaskAdmin = admin.ModelAdmin[Task]
    _TaskVersionAdmin = admin.ModelAdmin[TaskVersion]
    _RunAdmin = admin.ModelAdmin[Run]
else:
    _ContenderAdmin = admin.ModelAdmin
    _TaskAdmin = admin.ModelAdmin
    _TaskVersionAdmin = admin.ModelAdmin
    _RunAdmin = admin.ModelAdmin


@admin.register(Contender)
class ContenderAdmin(_ContenderAdmin):
    """Rows of boards. People are added here; the others come from deployments and files."""

    list_display = ["label", "kind", "maker", "deployment", "owner", "created_at"]
    list_filter = ["kind", "maker"]
    search_fields = ["label", "maker", "deployment__slug"]
    list_select_related = ["deployment", "owner"]
    readonly_fields = ["public_id", "configuration", "configuration_hash", "created_at"]
    formfield_overrides = {URLField: {"assume_scheme": "https"}}
    autocomplete_fields = ["model", "deployment"]

    def save_model(self, request: HttpRequest, obj: Contender, form: Any, change: bool) -> None:
        obj.configuration_hash = content_hash(obj.configuration)
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Task)
class TaskAdmin(ReadOnly, _TaskAdmin):
    list_display = ["title", "namespace", "visibility", "latest_version", "updated_at"]
    list_filter = ["visibility"]
    search_fields = ["title", "slug", "namespace__handle"]
    list_select_related = ["namespace", "latest_version"]


@admin.register(TaskVersion)
class TaskVersionAdmin(ReadOnly, _TaskVersionAdmin):
    list_display = ["task", "number", "state", "item_count", "question_hash"]
    list_filter = ["state", "kind"]
    list_select_related = ["task"]
    # The salt keeps guesses of private items unconfirmed; the definition's file stays its author's.
    exclude = ["salt", "canary", "data_file"]


@admin.register(Run)
class RunAdmin(ReadOnly, _RunAdmin):
    list_display = [
        "id",
        "task_version",
        "contender",
        "namespace",
        "purpose",
        "state",
        "samples_done",
        "samples_total",
        "heartbeat_at",
    ]
    list_filter = ["state", "purpose"]
    list_select_related = ["task_version__task", "contender", "namespace"]
