"""Rights to see, decide and withdraw an offer. Deny by default."""

from plumbmark.accounts.permissions import Visitor, can_act_for
from tasks_app.models import TransferOffer


def can_decide_offer(visitor: Visitor, offer: TransferOffer) -> bool:
    return can_act_for(visitor, offer.recipient)


def can_withdraw_offer(visitor: Visitor, offer: TransferOffer) -> bool:
    return can_act_for(visitor, offer.sender)
