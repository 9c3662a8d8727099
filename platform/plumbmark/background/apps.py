from django.apps import AppConfig


class BackgroundConfig(AppConfig):
    name = "plumbmark.background"
    label = "background"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from plumbmark.background.metrics import job_figures
        from plumbmark.background.retention import FINISHED_JOBS
        from plumbmark.common.metrics import register_figures
        from plumbmark.common.retention import register_policy

        register_figures("jobs", job_figures)
        register_policy(FINISHED_JOBS)
