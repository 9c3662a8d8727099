"""Amounts in templates."""

from django import template

from plumbmark.gateway.money import dollars

register = template.Library()

register.filter("dollars", dollars)
