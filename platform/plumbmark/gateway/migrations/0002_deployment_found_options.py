from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='deployment',
            name='found_options',
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
    ]
