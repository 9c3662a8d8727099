"""Sessions whose keys are in the database as digests only: who reads it can take over none."""

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.utils import timezone

from plumbmark.accounts.models import SignIn

_LENGTH = 40
"""Of the column; 160 bits."""


def digest_of(session_key: str) -> str:
    return hashlib.sha256(session_key.encode()).hexdigest()[:_LENGTH]


class SessionStore(db.SessionStore):
    """Django's sessions in the database, looked up by the digest of their key."""

    def _get_session_from_db(self) -> Any:
        key = self._session_key
        if key is None:
            return None
        found = self.model.objects.filter(
            session_key=digest_of(key), expire_date__gt=timezone.now()
        ).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return super().exists(digest_of(session_key))

    def create_model_instance(self, data: Any) -> Any:
        instance = super().create_model_instance(data)
        instance.session_key = digest_of(instance.session_key)
        return instance

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            digest = digest_of(key)
            self.model.objects.filter(session_key=digest).delete()
            SignIn.objects.filter(session_digest=digest).delete()

    def cycle_key(self) -> None:
        """Change the key and keep the data; what is stored of the session's use goes with it."""
        data, old = self._get_session(), self.session_key  # type: ignore[attr-defined]
        self.create()
        self._session_cache = data
        if old is not None:
            new = digest_of(self.session_key or "")
            SignIn.objects.filter(session_digest=digest_of(old)).update(session_digest=new)
            self.delete(old)
