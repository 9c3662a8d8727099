from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class TasksConfig(AppConfig):
    name = "tasks_app"
    label = "tasks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from plumbmark.accounts.profile_sections import add_profile_section
        from plumbmark.accounts.usage import register_object_limit, register_stored_bytes
        from plumbmark.background.kinds import register_job_kind
        from plumbmark.common.metrics import register_counts, register_figures
        from plumbmark.common.retention import register_policy
        from plumbmark.gateway.budget.subjects import add_subject_pages
        from plumbmark.gateway.retention import keep_exchanges_of
        from plumbmark.web.navigation import add_nav_item
        from tasks_app.authoring.declarative_draft import DeclarativeDraft
        from tasks_app.authoring.profile import tasks_section
        from tasks_app.code_tasks.draft import CodeDraft
        from tasks_app.code_tasks.kind import CodeKind
        from tasks_app.datasets.retention import UNUSED_FILES
        from tasks_app.datasets.usage import (
            count_tasks,
            stored_artifacts,
            stored_data,
            stored_media,
        )
        from tasks_app.item_lab import subscribers as of_item_lab
        from tasks_app.item_reports import subscribers as of_reports
        from tasks_app.item_reports.profile import waiting_reports_section
        from tasks_app.judges import subscribers
        from tasks_app.kinds import register_kind
        from tasks_app.runs.declarative import DeclarativeKind
        from tasks_app.runs.ledger_subjects import pages_of_runs, pages_of_scorings
        from tasks_app.runs.unfinished_grants import grants_of_runs, grants_of_scorings
        from tasks_app.workers.metrics import work_figures, worker_counts

        register_figures("work", work_figures)
        register_counts(worker_counts)
        register_policy(UNUSED_FILES)
        keep_exchanges_of("runs", grants_of_runs)
        keep_exchanges_of("scorings", grants_of_scorings)
        register_stored_bytes("data", stored_data)
        register_stored_bytes("media", stored_media)
        register_stored_bytes("artifacts", stored_artifacts)
        register_object_limit(
            "tasks", label=_("Tasks"), limit=lambda: settings.MAX_TASKS, count=count_tasks
        )
        add_nav_item(_("Tasks"), "tasks:list", order=20)
        add_nav_item(_("Playground"), "tasks:playground", order=16, place="person")
        add_nav_item(_("Status"), "tasks:status", order=5, place="staff")
        add_nav_item(_("My runs"), "runs:list", order=15, place="person")
        add_profile_section("waiting-reports", waiting_reports_section, order=5)
        add_profile_section("tasks", tasks_section, order=20)
        add_subject_pages("run", pages_of_runs)
        add_subject_pages("scoring", pages_of_scorings)
        register_kind("declarative", of_version=DeclarativeKind, of_draft=DeclarativeDraft())
        register_kind("code", of_version=CodeKind, of_draft=CodeDraft())
        subscribers.register()
        of_reports.register()
        of_item_lab.register()
        register_job_kind("check-draft", "tasks_app.authoring.draft_jobs.check_in_job")
        register_job_kind("build-version", "tasks_app.authoring.draft_jobs.build_in_job")
        register_job_kind("publish-task", "tasks_app.authoring.draft_jobs.publish_in_job")
        register_job_kind("edit-rows", "tasks_app.item_table.edit_jobs.edit_in_job")
        register_job_kind("try-scorers", "tasks_app.scorer_trials.sandbox_jobs.try_in_job")
        register_job_kind("accept-item-report", "tasks_app.item_reports.accept_jobs.accept_in_job")
        register_job_kind(
            "submit-outputs",
            "tasks_app.runs.submission_jobs.submit_in_job",
            discard="tasks_app.runs.submission_jobs.discard_submission",
        )
