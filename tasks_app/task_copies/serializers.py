"""Shapes of copies in the API."""

from rest_framework import serializers

from plumbmark.rest.serializers import WriteShape


class TaskCopyWrite(WriteShape):
    example = {"title": "Capital cities, harder"}

    title = serializers.CharField(
        required=False, max_length=120, help_text="That of the original by default."
    )
    slug = serializers.CharField(required=False, max_length=80)
    namespace = serializers.CharField(required=False, help_text="Your own by default.")


class TaskOwnerWrite(WriteShape):
    example = {"namespace": "my-team"}

    namespace = serializers.CharField(
        max_length=80, help_text="The handle of a namespace that you act for."
    )
    slug = serializers.SlugField(
        required=False,
        max_length=80,
        help_text="The task's address with its new owner; that which it has by default.",
    )
