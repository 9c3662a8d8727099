"""What the migrations of the accounts make of the rows of an older installation."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone

from plumbmark.accounts.models import SignIn, User
from tests.migrating import migrations

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = [("accounts", "0001_initial"), ("sessions", "0001_initial")]


def old_session(**data: Any) -> str:
    """Store a session as Django does by itself, and return its key."""
    store = SessionStore()
    store.update(data)
    store.save()
    assert store.session_key is not None
    return store.session_key


def everything_stored() -> str:
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows.append(str(cursor.fetchall()))
    return "\n".join(rows)


def test_sessions_with_raw_keys_go_on_and_their_keys_are_gone() -> None:
    with migrations(from_start=True) as migrate:
        old = migrate(*BEFORE)
        user = old.get_model("accounts", "User").objects.create(
            email="ada@example.org", password=make_password("correct horse battery staple")
        )
        old.get_model("accounts", "Namespace").objects.create(handle="ada", user=user)
        signed_in = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: User(pk=user.pk, password=user.password).get_session_auth_hash(),
        }
        here, elsewhere = old_session(**signed_in), old_session(**signed_in)
        visitor = old_session(theme="dark")
        expired = old_session(**signed_in)
        nobody = old_session(**{**signed_in, SESSION_KEY: str(user.pk + 1)})
        past = timezone.now() - timedelta(minutes=1)
        Session.objects.filter(session_key=expired).update(expire_date=past)
        keys = [here, elsewhere, visitor, expired, nobody]
        assert all(key in everything_stored() for key in keys)

        migrate()

        stored = everything_stored()
        assert not [key for key in keys if key in stored]
        client = Client()
        client.cookies["sessionid"] = here
        assert client.get("/settings/profile/").status_code == 200
        # The page lists those sessions too, and ends them.
        page = client.get("/settings/sessions/").content.decode()
        assert page.count("this session") == 1
        assert SignIn.objects.count() == 2
        client.post("/settings/sessions/end-others/")
        other = Client()
        other.cookies["sessionid"] = elsewhere
        assert other.get("/settings/profile/").status_code == 302
        other.cookies["sessionid"] = expired
        assert other.get("/settings/profile/").status_code == 302
        assert client.get("/settings/profile/").status_code == 200
