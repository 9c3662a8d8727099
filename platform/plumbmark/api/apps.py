from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "plumbmark.api"
    label = "api"
