from django.apps import AppConfig


class BackgroundConfig(AppConfig):
    name = "plumbmark.background"
    label = "background"
    default_auto_field = "django.db.models.BigAutoField"
