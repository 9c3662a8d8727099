"""Jobs of the accounts."""

from celery import shared_task

from plumbmark.accounts import actions, notices, sign_ins


@shared_task(name="accounts.jobs.forget_unconfirmed_accounts")
def forget_unconfirmed_accounts() -> int:
    """Remove sign-ups that nobody confirmed in time; return how many."""
    return actions.forget_unconfirmed_accounts()


@shared_task(name="accounts.jobs.forget_expired_sessions")
def forget_expired_sessions() -> int:
    """Delete sessions that have expired; return how many."""
    return sign_ins.forget_expired_sessions()


@shared_task(name="accounts.jobs.send_notices")
def send_notices() -> int:
    """Send the mails that tell people what was changed in their account; return how many."""
    return notices.send_notices()
