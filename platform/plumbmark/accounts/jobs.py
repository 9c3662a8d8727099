"""Jobs of the accounts."""

from celery import shared_task

from plumbmark.accounts import actions


@shared_task(name="accounts.jobs.forget_unconfirmed_accounts")
def forget_unconfirmed_accounts() -> int:
    """Sign-ups that nobody confirmed in time; returns how many went."""
    return actions.forget_unconfirmed_accounts()
