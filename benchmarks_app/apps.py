from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class BenchmarksConfig(AppConfig):
    name = "benchmarks_app"
    label = "benchmarks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from benchmarks_app import subscribers
        from benchmarks_app.profile import benchmarks_section, entered_runs_section
        from benchmarks_app.queries import count_benchmarks
        from benchmarks_app.report_followers import waiting_of_report
        from benchmarks_app.uses import benchmarks_with_run, benchmarks_with_task
        from plumbmark.accounts.profile_sections import add_profile_section
        from plumbmark.accounts.usage import register_object_limit
        from plumbmark.background.kinds import register_job_kind
        from plumbmark.web.navigation import add_nav_item
        from tasks_app.authoring.uses import register_uses
        from tasks_app.item_reports.effects import register_waiting

        subscribers.register()
        register_job_kind(
            "submit-outputs-to-all",
            "benchmarks_app.submissions.jobs.submit_all_in_job",
            discard="tasks_app.runs.submission_jobs.discard_submission",
        )
        register_object_limit(
            "benchmarks",
            label=_("Benchmarks"),
            limit=lambda: settings.MAX_BENCHMARKS,
            count=count_benchmarks,
        )
        register_uses("benchmarks", of_task=benchmarks_with_task, of_run=benchmarks_with_run)
        register_waiting("benchmarks", waiting_of_report)
        # Tasks are between them.
        add_profile_section("benchmarks", benchmarks_section, order=10)
        add_profile_section("entered-runs", entered_runs_section, order=30)
        add_nav_item(_("Benchmarks"), "benchmarks:list", order=10)
        add_nav_item(_("Model suites"), "suites:list", order=17, place="person")
