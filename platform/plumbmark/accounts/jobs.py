"""Jobs of the accounts."""

from celery import shared_task

from plumbmark.accounts import actions


@shared_task(name="accounts.jobs.forget_unconfirmed_accounts")
def forget_unconfirmed_accounts() -> int:
    """Remove sign-ups that nobody confirmed in time; return how many."""
    return actions.forget_unconfirmed_accounts()
