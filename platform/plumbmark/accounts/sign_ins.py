"""Sessions of people: noting where somebody is signed in, and ending it.

Each session of a signed-in person has a `SignIn`, written when they sign in. `SessionStore` moves
it when the session gets another key and deletes it with the session.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from plumbmark.accounts.devices import clean_user_agent
from plumbmark.accounts.models import SignIn, User
from plumbmark.accounts.permissions import can_end_sign_in
from plumbmark.accounts.sessions import digest_of
from plumbmark.common import audit
from plumbmark.common.clock import now
from plumbmark.common.errors import NotAllowed

log = logging.getLogger(__name__)

USE_NOTED_EVERY = timedelta(minutes=5)
"""How stale `seen_at` may be: constant use costs each process one write in this time."""
MAX_REMEMBERED = 10_000
"""Sessions of which a process remembers when it noted their use."""

_noted: dict[str, tuple[float, str]] = {}
"""By digest: when this process noted the use, and from which address."""


def current_digest(request: HttpRequest) -> str:
    """Return the digest of the request's session, an empty text if it has none."""
    key = request.session.session_key
    return digest_of(key) if key else ""


def note_sign_in(*, request: HttpRequest, user: User, **_signal: Any) -> None:
    """Store that a session is a person's from now on. A receiver of `user_logged_in`."""
    if request.session.session_key is None:
        request.session.create()
    moment = now()
    digest, address = current_digest(request), _address(request)
    SignIn.objects.update_or_create(
        session_digest=digest,
        defaults={
            "user": user,
            "user_agent": clean_user_agent(request.headers.get("User-Agent", "")),
            "address": address,
            "signed_in_at": moment,
            "seen_at": moment,
        },
    )
    _remember(digest, address)


class NotesUse:
    """Middleware: notes now and then that a session is in use, and from where.

    It looks only at sessions that were read anyway, and most requests cost it no query.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        session = request.session
        if session.accessed and session.session_key and SESSION_KEY in session:
            _note_use(current_digest(request), _address(request))
        return response


def _note_use(digest: str, address: str) -> None:
    moment = now()
    noted_at, noted_address = _noted.get(digest, (0.0, ""))
    is_fresh = moment.timestamp() - noted_at < USE_NOTED_EVERY.total_seconds()
    if is_fresh and noted_address in {"", address}:
        return
    # Conditional, because other processes note it too.
    stale = Q(seen_at__lt=moment - USE_NOTED_EVERY) | ~Q(address=address)
    try:
        SignIn.objects.filter(stale, session_digest=digest).update(seen_at=moment, address=address)
    except DatabaseError:
        log.warning("the use of a session could not be noted", exc_info=True)
        return
    _remember(digest, address)


def _remember(digest: str, address: str) -> None:
    if len(_noted) >= MAX_REMEMBERED:
        _noted.clear()
    _noted[digest] = (now().timestamp(), address)


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))[: SignIn.MAX_ADDRESS]


def sign_ins_of(user: User) -> QuerySet[SignIn]:
    """Return where the person is signed in now, last used first."""
    session = Session.objects.filter(session_key=OuterRef("session_digest"), expire_date__gt=now())
    return SignIn.objects.filter(Exists(session), user=user).order_by("-seen_at", "-pk")


def end_sign_in(*, sign_in: SignIn, by: User) -> None:
    """End one session."""
    if not can_end_sign_in(by, sign_in):
        raise NotAllowed("Only the person can end their session.")
    with transaction.atomic():
        _end(SignIn.objects.filter(pk=sign_in.pk))
        audit.record("session.ended", f"session:{sign_in.public_id}", by=by)


def end_sign_ins(*, user: User, by: User, but: str = "") -> int:
    """End the sessions of a person except the one with the digest `but`; return how many."""
    if by.pk != user.pk and not by.is_staff:
        raise NotAllowed("Only the person can end their sessions.")
    with transaction.atomic():
        ended = _end(SignIn.objects.filter(user=user).exclude(session_digest=but))
        if ended:
            audit.record("sessions.ended", f"user:{user.pk}", by=by, sessions=ended)
    return ended


def _end(sign_ins: QuerySet[SignIn]) -> int:
    Session.objects.filter(session_key__in=sign_ins.values("session_digest")).delete()
    return sign_ins.delete()[0]


def forget_expired_sessions() -> int:
    """Delete sessions that have expired, and what is stored of their use; return how many."""
    deleted, _ = Session.objects.filter(expire_date__lt=now()).delete()
    session = Session.objects.filter(session_key=OuterRef("session_digest"))
    SignIn.objects.filter(~Exists(session)).delete()
    return deleted
