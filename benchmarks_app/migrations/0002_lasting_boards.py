import django.db.models.deletion
from django.db import migrations, models


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
            model_name="benchmarkversion",
            name="pinned_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
