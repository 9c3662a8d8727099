import gc

from django.apps import AppConfig


class PlumbmarkConfig(AppConfig):
    """An app for the sake of its commands, `up` and `load_demo`, and of the demo's second step."""

    name = "plumbmark.config"
    label = "config"

    def ready(self) -> None:
        from plumbmark.common.outbox import subscribe
        from plumbmark.config.demo.division import correct_wrong_key

        subscribe("standings.created", "demo.correct_wrong_key", correct_wrong_key)
        # All that is loaded stays. Without this, Python looks through it three times when a process
        # ends, which takes a command a fifth of its time.
        gc.freeze()
