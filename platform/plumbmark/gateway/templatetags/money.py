"""Amounts in templates."""

from django import template

from plumbmark.gateway.budget.money import dollars

register = template.Library()

register.filter("dollars", dollars)
