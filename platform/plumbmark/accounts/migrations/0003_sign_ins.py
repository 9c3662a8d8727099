from datetime import timedelta
from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import migrations, models
from django.utils import timezone

import plumbmark.common.ids


def list_sessions(apps: Any, schema_editor: Any) -> None:
    """List the sessions that exist already: the page must not leave one out.

    When they were last written is known; with what and from where is not.
    """
    sessions = apps.get_model("sessions", "Session").objects.filter(expire_date__gt=timezone.now())
    sign_ins = apps.get_model("accounts", "SignIn").objects
    users = set(apps.get_model("accounts", "User").objects.values_list("pk", flat=True))
    for session in sessions.iterator():
        user = str(SessionStore().decode(session.session_data).get(SESSION_KEY, ""))
        if not user.isdigit() or int(user) not in users:
            continue
        written_at = session.expire_date - timedelta(seconds=settings.SESSION_COOKIE_AGE)
        sign_ins.create(
            user_id=int(user),
            session_digest=session.session_key,
            signed_in_at=written_at,
            seen_at=written_at,
        )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_digest_session_keys'),
        ('sessions', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='SignIn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=plumbmark.common.ids.new_public_id, editable=False, max_length=20, unique=True)),
                ('session_digest', models.CharField(editable=False, max_length=40, unique=True)),
                ('user_agent', models.CharField(blank=True, editable=False, max_length=200)),
                ('address', models.CharField(blank=True, editable=False, max_length=45)),
                ('signed_in_at', models.DateTimeField(editable=False)),
                ('seen_at', models.DateTimeField(editable=False)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sign_ins', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.RunPython(list_sessions, migrations.RunPython.noop),
    ]
