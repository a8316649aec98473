"""What a payment provider says of a payment, in our words."""

from datetime import datetime
from typing import Literal

import msgspec

from domain.shared.money import Money

DisputeStage = Literal["inquiry", "open", "won", "lost"]
"""An inquiry takes no money; it may become a dispute, which does until it is won."""


class ProviderRefund(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way back, or that did not get there."""

    reference: str
    amount: Money
    failed: bool = False
    intent_key: str | None = None
    """Of our own intent that it carries out; None of one that somebody gave elsewhere."""


class ProviderDispute(msgspec.Struct, frozen=True, kw_only=True):
    """The card's holder says that she did not buy it."""

    reference: str
    amount: Money
    stage: DisputeStage
    reason: str
    opened_at: datetime


class CoveredItem(msgspec.Struct, frozen=True, kw_only=True):
    """One of the things that a subscription sells, and until when a payment is for it."""

    reference: str | None
    price_id: str | None
    until: datetime


class ProviderPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment in our words, as the provider tells it now."""

    provider: str
    reference: str
    """The provider's id of the invoice or charge."""
    subscription_reference: str | None
    amount: Money
    status: Literal["pending", "paid", "failed"]
    attempts: int
    paid_at: datetime | None
    next_attempt_at: datetime | None
    receipt_url: str | None
    action_required: bool = False
    """It waits for the customer, as where the bank wants a confirmation (3-D Secure)."""
    covers_until: datetime | None = None
    """The end of the period that it pays for, where it pays for one."""
    covers: tuple[CoveredItem, ...] | None = None
    """What it pays for, item by item; empty where it is for none of them, None where the provider does not tell."""
    refunds: tuple[ProviderRefund, ...] = ()
    disputes: tuple[ProviderDispute, ...] = ()

    @property
    def kept(self) -> int:
        """What has not gone back, in minor units; a refund under way counts as gone."""
        gone = sum(refund.amount.amount for refund in self.refunds if not refund.failed)
        return max(0, self.amount.amount - gone)

    @property
    def is_kept(self) -> bool:
        """Whether something of it has not gone back; where it was settled without money nothing can."""
        return self.kept > 0 or self.amount.amount == 0
