from django.apps import AppConfig


class LeaderboardsConfig(AppConfig):
    name = "leaderboards_app"
    label = "leaderboards"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.utils.translation import gettext_lazy as _

        from leaderboards_app import subscribers
        from leaderboards_app.history.report_moves import moves_of_report
        from leaderboards_app.metrics import board_figures
        from leaderboards_app.retention import BRIEF_STANDINGS
        from leaderboards_app.search import subscribers as of_search
        from plumbmark.common.metrics import register_figures
        from plumbmark.common.retention import register_policy
        from plumbmark.web.navigation import add_nav_item, set_search_page
        from tasks_app.item_reports.effects import register_moves

        register_figures("boards", board_figures)
        register_policy(BRIEF_STANDINGS)
        subscribers.register()
        register_moves("boards", moves_of_report)
        of_search.register()
        set_search_page("leaderboards:search", "leaderboards:search_suggestions")
        add_nav_item(_("Models"), "leaderboards:models", order=15)
