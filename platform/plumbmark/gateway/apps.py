from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "plumbmark.gateway"
    label = "gateway"
    default_auto_field = "django.db.models.BigAutoField"
