"""Filters for the saves of drafts."""

from django import template

from tasks_app.draft_saves.queries import describe_save

register = template.Library()
register.filter("describe_save", describe_save)
