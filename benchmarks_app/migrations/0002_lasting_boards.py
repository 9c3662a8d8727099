from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F


def show_latest(apps: Any, schema_editor: Any) -> None:
    """Let every benchmark show the board that it showed before."""
    apps.get_model("benchmarks", "Benchmark").objects.update(board_version=F("latest_version"))


class Migration(migrations.Migration):
    dependencies = [
        ("benchmarks", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="benchmark",
            name="pinned_version",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="benchmarks.benchmarkversion",
            ),
        ),
        migrations.AddField(
            model_name="benchmark",
            name="board_version",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="benchmarks.benchmarkversion",
            ),
        ),
        migrations.AddField(
            model_name="benchmarkversion",
            name="pinned_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(show_latest, migrations.RunPython.noop, elidable=True),
    ]
