from django.apps import AppConfig


class BenchmarksConfig(AppConfig):
    name = "benchmarks_app"
    label = "benchmarks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from benchmarks_app import subscribers

        subscribers.register()
