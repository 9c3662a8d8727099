from django.apps import AppConfig


class GuidesConfig(AppConfig):
    name = "plumbmark.guides"
    label = "guides"

    def ready(self) -> None:
        from django.core.checks import register

        from plumbmark.guides.checks import check_guides

        register(check_guides)
