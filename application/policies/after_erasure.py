"""Who has been erased buys nothing any more: open pages are shut, and what is paid on one all the same goes back."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from application.buying import Buying
from application.checkouts import Checkouts
from application.intentions import Intentions
from application.policies.policy import Policy
from application.recall import Asked, Records
from domain.account.account import Account
from domain.account.customers import CustomerBound
from domain.account.erasure import ErasureRequested, PersonalDataErased
from domain.payment.payment import Payment, PaymentSucceeded
from domain.payment.refunding import RefundExceedsPayment, request_refund
from domain.shared.fact import AccountFact, Actor, Cause
from domain.subscription.checkout import CheckoutOpened
from domain.subscription.facts import SubscriptionFoundAgain, SubscriptionStarted
from domain.subscription.subscription import Subscription, SubscriptionOver

REASON = "Paid after the account was erased"
HEARD_WITHIN = timedelta(hours=1)
"""What was paid longer before the wish, and is heard of after it, was paid by somebody who could use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterErasure:
    """Acts on what is recorded after the wish alone: what was there before is the erasure's own to end.

    Cancellations and refunds are recorded as intents, whose keys follow from the fact; the janitor carries them out.
    """

    records: Records
    intentions: Intentions
    checkouts: Checkouts
    buying: Buying

    async def shut_page(self, fact: ErasureRequested | CheckoutOpened) -> None:
        """Raises ProviderUnavailable: then it is tried again."""
        if isinstance(fact, ErasureRequested):
            await self.checkouts.shut_current(fact.account_id, _asked_by(fact))
        elif await self._wish_before(fact) is not None:
            await self.checkouts.shut(fact.checkout_id, _asked_by(fact))

    async def end_subscription(self, fact: SubscriptionStarted | SubscriptionFoundAgain) -> None:
        """At once: the page was paid before it could be shut, a payment link named the account, or it had been lost."""
        if await self._wish_before(fact) is None:
            return
        with suppress(SubscriptionOver):
            await self.intentions.intend(
                Subscription,
                fact.subscription_id,
                _asked_by(fact),
                lambda it: it.request_cancellation(at_period_end=False, idempotency_key=f"erased-{fact.position}"),
                hands_off_seconds=0,
            )

    async def pay_back(self, fact: PaymentSucceeded) -> None:
        """In full, since nobody is left who could use what was paid for."""
        wish = await self._wish_before(fact)
        if wish is None or fact.paid_at < wish.recorded_at - HEARD_WITHIN:
            return
        with suppress(RefundExceedsPayment):
            await self.intentions.intend(
                Payment,
                fact.payment_id,
                _asked_by(fact),
                lambda it: request_refund(it, amount=None, reason=REASON, idempotency_key=f"erased-{fact.position}"),
                hands_off_seconds=0,
            )

    async def delete_customers(self, fact: PersonalDataErased | CustomerBound) -> None:
        """An hour later: until then the provider tells of what was paid at the last moment, and what went back.

        Also those whose making nobody heard of. Raises ProviderUnavailable: then it is tried again.
        """
        if isinstance(fact, PersonalDataErased):
            await self.buying.bind_unbound(fact.account_id, _asked_by(fact))
        await self.intentions.intend(
            Account,
            fact.account_id,
            _asked_by(fact),
            lambda it: it.request_customer_deletions(),
            hands_off_seconds=HEARD_WITHIN.total_seconds(),
        )

    async def _wish_before(self, fact: AccountFact) -> ErasureRequested | None:
        """To be erased, where it came before this."""
        wishes = [one for one in await self.records.ledger.read(fact.account_id) if isinstance(one, ErasureRequested)]
        return next((wish for wish in wishes if wish.position < fact.position), None)


def _asked_by(fact: AccountFact) -> Asked:
    return Asked(Actor("system", "erasure"), Cause("fact", str(fact.position)))


def when_erased_shut_the_page(after: AfterErasure) -> Policy:
    """Also one that is opened at the very moment."""
    return Policy("shut_pages_of_erased", (ErasureRequested, CheckoutOpened), after.shut_page)


def when_erased_end_what_starts(after: AfterErasure) -> Policy:
    """Done twice, it happens once."""
    return Policy("end_subscriptions_of_erased", (SubscriptionStarted, SubscriptionFoundAgain), after.end_subscription)


def when_erased_pay_back(after: AfterErasure) -> Policy:
    """Done twice, it happens once."""
    return Policy("pay_back_erased", (PaymentSucceeded,), after.pay_back)


def when_erased_delete_the_customers(after: AfterErasure) -> Policy:
    """Also one that is bound later. Done twice, it happens once."""
    return Policy("delete_customers_of_erased", (PersonalDataErased, CustomerBound), after.delete_customers)
