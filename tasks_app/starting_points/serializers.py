"""Shapes of kinds to start from in the REST API."""

from typing import Any

from rest_framework import serializers


class TaskStartingPoint(serializers.Serializer[Any]):
    """A kind of task to start from."""

    slug = serializers.CharField(help_text="Sent as `starting_point` when a task is created.")
    title = serializers.CharField()
    purpose = serializers.CharField()
    needs_judge = serializers.BooleanField(help_text="Another model marks its answers.")
    needs_sandbox = serializers.BooleanField(
        help_text="Code is run, so a worker with a sandbox is needed."
    )
    definition = serializers.CharField(help_text="As YAML; empty for a program.")
    code = serializers.CharField(help_text="The program; empty for a definition.")
    rows = serializers.CharField(help_text="The data file, as JSONL; empty for a program.")
    media = serializers.ListField(
        child=serializers.CharField(), help_text="Names of the images that come with it."
    )
