"""Scores in templates."""

from typing import Any

from django import template

from plumbmark.web.numbers import format_score
from tasks_app.models import TaskVersion
from tasks_app.scorings.metric_documents import metric_document

register = template.Library()


@register.filter
def on_scale_of(value: Any, version: TaskVersion) -> str:
    """Format a value in its version's metric: `33.33 %`, or four significant digits."""
    return format_score(value, metric_document(version)) if isinstance(value, int | float) else ""
