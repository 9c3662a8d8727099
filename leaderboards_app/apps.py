from django.apps import AppConfig


class LeaderboardsConfig(AppConfig):
    name = "leaderboards_app"
    label = "leaderboards"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from leaderboards_app import subscribers

        subscribers.register()
