from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def unpin(apps: Any, schema_editor: Any) -> None:
    """Drop the pins of benchmarks: a version is pinned when its task becomes private."""
    apps.get_model("tasks", "TaskVersion").objects.update(pinned_at=None)


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="task",
            name="pinned_version",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tasks.taskversion",
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="was_public",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="taskversion",
            name="withheld_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="taskversion",
            name="withheld_reason",
            field=models.CharField(blank=True, editable=False, max_length=500),
        ),
        migrations.RunPython(unpin, migrations.RunPython.noop, elidable=True),
    ]
