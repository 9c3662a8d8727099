from typing import Any

from django.db import migrations

from plumbmark.accounts.sessions import digest_of


def digest_keys(apps: Any, schema_editor: Any) -> None:
    """Keep everybody signed in: the keys become what they are looked up by from now on."""
    sessions = apps.get_model("sessions", "Session")
    for key in list(sessions.objects.values_list("pk", flat=True)):
        sessions.objects.filter(pk=key).update(session_key=digest_of(key))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("sessions", "0001_initial"),
    ]

    operations = [migrations.RunPython(digest_keys, migrations.RunPython.noop)]
