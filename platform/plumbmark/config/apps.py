from django.apps import AppConfig


class PlumbmarkConfig(AppConfig):
    """An app for the sake of its commands: `up` and `load_demo`."""

    name = "plumbmark.config"
    label = "config"
