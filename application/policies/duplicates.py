"""What somebody pays for twice is cancelled and paid back, where the policy says so."""

from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from application.intentions import Intentions
from application.policies.policy import Policy
from application.ports.ledger import History
from application.recall import Asked, Records
from domain.payment.payment import Payment, PaymentSucceeded
from domain.payment.refunding import RefundExceedsPayment, request_refund
from domain.prepaid.facts import PrepaidDuplicated
from domain.prepaid.prepaid import Prepaid
from domain.shared.fact import Actor, Cause
from domain.shared.identity import derived_id
from domain.subscription.facts import DuplicateFound
from domain.subscription.subscription import Subscription, SubscriptionOver

REASON = "A second subscription to the same plan"
PURCHASE_REASON = "Bought while more than 30 days were left"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundingDuplicates:
    """Records the intents alone, whose keys follow from the fact; the janitor carries them out."""

    records: Records
    intentions: Intentions
    history: History

    async def act(self, found: DuplicateFound) -> None:
        """Nothing, where the older subscription has ended meanwhile: then this is the one that is left."""
        older = (await self.records.recall(Subscription, found.of_subscription_id)).existing()
        if not found.refund or older.ended_at is not None:
            return
        asked = Asked(Actor("system", "duplicates"), Cause("fact", str(found.position)))
        key = f"duplicate-{found.position}"
        with suppress(SubscriptionOver):
            await self.intentions.intend(
                Subscription,
                found.subscription_id,
                asked,
                lambda it: it.request_cancellation(at_period_end=False, idempotency_key=f"{key}-cancel"),
                hands_off_seconds=0,
            )
        for payment in await self._payments(found):
            await self._refund(payment.payment_id, f"{key}-{payment.payment_id}", REASON, asked)

    async def act_on_purchase(self, found: PrepaidDuplicated) -> None:
        """Nothing, where it gives access meanwhile: what it doubled was paid back. Nor where it cost nothing."""
        purchases = (await self.records.recall(Prepaid, derived_id("prepaid", found.account_id))).existing().purchases
        payment_id = derived_id("payment", found.provider, found.payment_reference)
        payment = (await self.records.recall(Payment, payment_id)).state
        if not found.refund or purchases[found.purchase_id].span is not None or payment is None:
            return
        asked = Asked(Actor("system", "duplicates"), Cause("fact", str(found.position)))
        await self._refund(payment_id, f"duplicate-{found.position}", PURCHASE_REASON, asked)

    async def _payments(self, found: DuplicateFound) -> list[PaymentSucceeded]:
        younger = (await self.records.recall(Subscription, found.subscription_id)).existing()
        facts = [entry.fact for entry in await self.history.of_account(found.account_id)]
        return [
            fact
            for fact in facts
            if isinstance(fact, PaymentSucceeded) and fact.subscription_reference == younger.provider_reference
        ]

    async def _refund(self, payment_id: UUID, key: str, reason: str, asked: Asked) -> None:
        with suppress(RefundExceedsPayment):
            await self.intentions.intend(
                Payment,
                payment_id,
                asked,
                lambda it: request_refund(it, amount=None, reason=reason, idempotency_key=key),
                hands_off_seconds=0,
            )


def when_duplicate_found_refund_newer(refunding: RefundingDuplicates) -> Policy:
    """Done twice, it happens once."""
    return Policy("refund_duplicates", (DuplicateFound,), refunding.act)


def when_prepaid_duplicated_refund_it(refunding: RefundingDuplicates) -> Policy:
    """Done twice, it happens once."""
    return Policy("refund_prepaid_duplicates", (PrepaidDuplicated,), refunding.act_on_purchase)
