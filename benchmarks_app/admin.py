"""Benchmarks for staff, read-only. Changes go through the pages, with their checks and log."""

from typing import TYPE_CHECKING

from django.contrib import admin

from benchmarks_app.models import Benchmark, Entry
from plumbmark.web.admin import ReadOnly

if TYPE_CHECKING:
    _BenchmarkAdmin = admin.ModelAdmin[Benchmark]
    _EntryAdmin = admin.ModelAdmin[Entry]
else:
    _BenchmarkAdmin = admin.ModelAdmin
    _EntryAdmin = admin.ModelAdmin


@admin.register(Benchmark)
class BenchmarkAdmin(ReadOnly, _BenchmarkAdmin):
    list_display = ["title", "namespace", "visibility", "latest_version", "updated_at"]
    list_filter = ["visibility"]
    search_fields = ["title", "slug", "namespace__handle"]
    list_select_related = ["namespace", "latest_version"]


@admin.register(Entry)
class EntryAdmin(ReadOnly, _EntryAdmin):
    list_display = ["contender", "version", "invalid_reason", "created_at"]
    list_select_related = ["contender", "version__benchmark"]
