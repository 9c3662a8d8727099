from django.apps import AppConfig


class LeaderboardsConfig(AppConfig):
    name = "leaderboards_app"
    label = "leaderboards"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from leaderboards_app import subscribers
        from leaderboards_app.metrics import board_figures
        from plumbmark.common.metrics import register_figures

        register_figures("boards", board_figures)
        subscribers.register()
