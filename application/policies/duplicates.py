"""What somebody pays for twice is cancelled and paid back, where the policy says so."""

from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from application.duplicates import giving_access
from application.intentions import Intentions
from application.policies.policy import Policy
from application.ports.ledger import History
from application.ports.reads import AccessReads
from application.ports.world import Clock
from application.recall import Asked, Records
from domain.payment.payment import Payment, PaymentSucceeded
from domain.payment.refunding import RefundExceedsPayment, request_refund
from domain.prepaid.facts import PrepaidDuplicated
from domain.prepaid.prepaid import Prepaid
from domain.shared.fact import Actor, Cause
from domain.shared.identity import derived_id
from domain.subscription.duplicates import may_go
from domain.subscription.facts import DuplicateFound
from domain.subscription.subscription import Subscription, SubscriptionOver

REASON = "A second subscription to the same plan"
PURCHASE_REASON = "Bought while more than 30 days were left"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundingDuplicates:
    """Records the intents alone, whose keys follow from the fact; the janitor carries them out."""

    records: Records
    intentions: Intentions
    access: AccessReads
    history: History
    business_time: Clock

    async def act(self, fact: DuplicateFound | PaymentSucceeded) -> None:
        """The duplicate is cancelled, and all that was paid for it goes back, also what is paid until it is over."""
        if isinstance(fact, PaymentSucceeded):
            await self._act_on_payment(fact)
        else:
            await self._act_on_duplicate(fact)

    async def _act_on_duplicate(self, found: DuplicateFound) -> None:
        if not await self._is_to_go(found):
            return
        asked, key = _asked_by(found), f"duplicate-{found.position}"
        with suppress(SubscriptionOver):
            await self.intentions.intend(
                Subscription,
                found.subscription_id,
                asked,
                lambda it: it.request_cancellation(at_period_end=False, idempotency_key=f"{key}-cancel"),
                hands_off_seconds=0,
            )
        for payment in await self._payments(found):
            await self._refund_payment(payment, found)

    async def _act_on_payment(self, paid: PaymentSucceeded) -> None:
        """Nothing, where it is of no duplicate, or of one that is not found yet: then that fact finds the payment."""
        if paid.subscription_reference is None:
            return
        stream = derived_id("subscription", paid.provider, paid.subscription_reference)
        subscription = (await self.records.recall(Subscription, stream)).state
        if subscription is None or subscription.duplicate_of is None:
            return
        facts = [entry.fact for entry in await self.history.of_account(paid.account_id)]
        found = [one for one in facts if isinstance(one, DuplicateFound) and one.subscription_id == stream]
        if found and await self._is_to_go(found[-1]):
            await self._refund_payment(paid, found[-1])

    async def _is_to_go(self, found: DuplicateFound) -> bool:
        """Not where the older one gives no access to that plan, for whatever reason: then this is the one that does."""
        if not found.refund:
            return False
        younger = (await self.records.recall(Subscription, found.subscription_id)).existing()
        giving = giving_access(await self.access.standing(found.account_id), self.business_time.now())
        return may_go(younger, found.plan, found.of_subscription_id, giving)

    async def _refund_payment(self, paid: PaymentSucceeded, found: DuplicateFound) -> None:
        key = f"duplicate-{found.position}-{paid.payment_id}"
        await self._refund(paid.payment_id, key, REASON, _asked_by(found))

    async def act_on_purchase(self, found: PrepaidDuplicated) -> None:
        """Nothing, where it gives access meanwhile: what it doubled was paid back. Nor where it cost nothing.

        Nor where the same payment is for something else that gives access: what part of it may go back people know.
        """
        purchases = (await self.records.recall(Prepaid, derived_id("prepaid", found.account_id))).existing().purchases
        payment_id = derived_id("payment", found.provider, found.payment_reference)
        payment = (await self.records.recall(Payment, payment_id)).state
        of_it = [one for one in purchases.values() if one.payment_reference == found.payment_reference]
        if not found.refund or payment is None or any(one.span is not None for one in of_it):
            return
        await self._refund(payment_id, f"duplicate-{found.position}", PURCHASE_REASON, _asked_by(found))

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


def _asked_by(found: DuplicateFound | PrepaidDuplicated) -> Asked:
    return Asked(Actor("system", "duplicates"), Cause("fact", str(found.position)))


def when_duplicate_found_refund_newer(refunding: RefundingDuplicates) -> Policy:
    """Done twice, it happens once."""
    return Policy("refund_duplicates", (DuplicateFound, PaymentSucceeded), refunding.act)


def when_prepaid_duplicated_refund_it(refunding: RefundingDuplicates) -> Policy:
    """Done twice, it happens once."""
    return Policy("refund_prepaid_duplicates", (PrepaidDuplicated,), refunding.act_on_purchase)
