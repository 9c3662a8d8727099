from typing import Any

from django.db import migrations


def carry_over(apps: Any, schema_editor: Any) -> None:
    """Keep what the owner of a benchmark allowed for tasks of their own."""
    old = apps.get_model("benchmarks", "AllowedDeployment")
    new = apps.get_model("tasks", "AllowedDeployment")
    task_model = apps.get_model("tasks", "Task")
    for allowed in old.objects.select_related("benchmark"):
        own_tasks = task_model.objects.filter(
            namespace_id=allowed.benchmark.namespace_id,
            versions__benchmark_tasks__version__benchmark=allowed.benchmark,
        ).distinct()
        for task in own_tasks:
            new.objects.get_or_create(
                task=task,
                deployment_id=allowed.deployment_id,
                defaults={"added_by_id": allowed.added_by_id},
            )


class Migration(migrations.Migration):
    dependencies = [
        ("benchmarks", "0003_entry_invalidated_by"),
        ("tasks", "0004_allowed_deployments"),
    ]

    operations = [
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.DeleteModel(name="AllowedDeployment"),
    ]
