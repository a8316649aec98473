"""What a payment provider in memory is told to do, and what it knows for it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count
from typing import Any, Literal, TypeVar
from uuid import UUID

from msgspec.structs import replace

from adapters.memory.billing_books import Known, OpenCheckout, Price, Seen, anew
from application.errors import CustomerGone, ProviderBusy, ProviderRefused, ProviderUnavailable, SubscriptionMoved
from application.ports.billing import CheckoutPage, SeenCheckout, SeenPrice, SeenPurchase, SeenSubscription
from application.ports.world import Clock
from domain.payment.truth import ProviderPayment, ProviderRefund
from domain.shared.money import Money
from domain.shared.plan_terms import Interval
from domain.subscription.truth import TERMINAL

PAGE_OPEN = timedelta(days=1)

T = TypeVar("T")


class MemoryCommands:
    """`down` True: every call fails; `busy`: there were too many of them.

    With `answers_lost` what is asked for is done, and nobody hears of it. The cards of those who are in `declined` are
    charged in vain. Those who are `gone` are not known any more, and of those who are `deleted` as well it is said so.
    """

    deletions = frozenset({"customer.deleted"})

    def __init__(self, clock: Clock, *, name: str) -> None:
        self.name = name
        self.down = False
        self.busy = False
        self.answers_lost = False
        self.declined: set[str] = set()
        self.gone: set[str] = set()
        self.deleted: set[str] = set()
        self._clock = clock
        self._numbers = count(1)
        self._done: dict[str, Any] = {}
        self._prices: dict[str, Price] = {}
        self._pages: dict[str, OpenCheckout] = {}
        self._customers: dict[str, Known] = {}
        self._unlisted: set[str] = set()

    def forget_keys(self) -> None:
        """As after a day: what is done again under an old key is done twice."""
        self._done.clear()

    async def create_price(
        self,
        *,
        plan_id: UUID,
        name: str,
        price: Money,
        interval: Interval,
        beside: str | None = None,
        idempotency_key: str,
    ) -> str:
        product = self._prices[beside].product if beside in self._prices else f"product of {plan_id}"

        def make() -> str:
            self._prices[id := self._new("price")] = Price(price, interval, product)
            return id

        return self._once(idempotency_key, make)

    def product_of(self, price_id: str) -> str:
        """Under which product a price is."""
        return self._prices[price_id].product

    def has_price(self, price_id: str, price: Money, interval: Interval) -> None:
        """One that was made there before anybody here knew of it."""
        self._prices[price_id] = Price(price, interval)

    def withdraw_price(self, price_id: str) -> None:
        del self._prices[price_id]

    async def price(self, price_id: str) -> SeenPrice:
        self._refuse_when_down()
        if (known := self._prices.get(price_id)) is None:
            raise ProviderRefused(f"There is no price {price_id}.")
        return SeenPrice(known.price, known.interval)

    async def customers_made_for(self, account_id: UUID, *, email: str | None) -> Sequence[str]:
        self._refuse_when_down()
        return [id for id, known in self._customers.items() if known.account_id == account_id]

    async def has_customer(self, customer_id: str) -> bool:
        self._refuse_when_down()
        return customer_id in self._customers

    async def create_customer(self, *, account_id: UUID, email: str | None, idempotency_key: str) -> str:
        def make() -> str:
            self._customers[id := self._new("customer")] = Known(account_id)
            return id

        return self._once(idempotency_key, make)

    async def delete_customer(self, customer_id: str) -> None:
        self._refuse_when_down()
        if customer_id not in self._customers:
            raise CustomerGone(f"The provider in memory has no {customer_id}.")
        self.gone.add(customer_id)
        self.deleted.add(customer_id)

    async def open_checkout(
        self,
        *,
        checkout_id: UUID,
        account_id: UUID,
        customer_id: str,
        price_id: str,
        recurring: bool,
        trial_days: int,
        success_url: str,
        cancel_url: str,
        idempotency_key: str,
    ) -> CheckoutPage:
        self._refuse_gone(customer_id)
        if price_id not in self._prices:
            raise ProviderRefused(f"There is no price {price_id}.")

        def make() -> CheckoutPage:
            reference = self._new("checkout")
            self._pages[reference] = OpenCheckout(checkout_id, customer_id, price_id, trial_days)
            page = CheckoutPage(reference, f"memory://{reference}", self._clock.now() + PAGE_OPEN)
            self.tell(customer_id, SeenCheckout(reference, checkout_id, "open", page=page))
            return page

        return self._once(idempotency_key, make)

    def forget_subscriptions(self, customer_id: str, *, unlisted_alone: bool = False) -> None:
        """They are not listed any more; unless they are `unlisted_alone`, they are not known either."""
        known = self._customers[customer_id].subscriptions
        self._unlisted |= known.keys() if unlisted_alone else set()
        known.clear()

    async def has_subscription(self, reference: str) -> bool:
        self._refuse_when_down()
        listed = any(reference in known.subscriptions for known in self._customers.values())
        return listed or reference in self._unlisted

    def _refuse_gone(self, customer_id: str) -> None:
        if customer_id in self.gone:
            raise CustomerGone(f"The provider in memory has no {customer_id}.", deleted=customer_id in self.deleted)

    async def expire_checkout(self, reference: str) -> Literal["expired", "completed"]:
        self._refuse_when_down()
        for customer_id, known in self._customers.items():
            if (seen := known.checkouts.get(reference)) is not None:
                if seen.status == "completed":
                    return "completed"
                self._pages.pop(reference, None)
                self.tell(customer_id, SeenCheckout(reference, seen.checkout_id, "expired"))
                return "expired"
        raise ProviderRefused(f"There is no checkout {reference}.")

    async def cancel(self, reference: str, *, at_period_end: bool, idempotency_key: str) -> None:
        self._refuse_when_down()
        customer_id, subscription = self._subscription(reference)
        if subscription.status in TERMINAL:
            return
        at_once = replace(subscription, status="canceled", ended_at=self._clock.now())
        later = replace(subscription, ends_at=subscription.first.period_end)
        self.tell(customer_id, later if at_period_end else at_once)
        self._lose_answer()

    async def resume(self, reference: str, *, idempotency_key: str) -> None:
        self._refuse_when_down()
        customer_id, subscription = self._subscription(reference)
        if subscription.status in TERMINAL:
            raise ProviderRefused(f"The subscription {reference} has ended.")
        self.tell(customer_id, going_on := replace(subscription, ends_at=None))
        if subscription.status == "paused":
            self._go_on_when_paid(customer_id, going_on)
        self._lose_answer()

    def _go_on_when_paid(self, customer_id: str, subscription: SeenSubscription) -> None:
        """What is asked for in vain is asked for once: it is open then, and stays it."""
        sold = self._prices[subscription.first.price_id]
        if customer_id not in self.declined:
            self.tell(customer_id, anew(subscription, sold.interval, self._clock.now()))
        elif not self._customers[customer_id].owes(subscription.reference):
            self.tell(customer_id, self._billed(sold.price, subscription.reference, paid=False))

    async def change_price(
        self, reference: str, *, before_price_id: str, price_id: str, upgrade: bool, idempotency_key: str
    ) -> None:
        self._refuse_when_down()
        customer_id, subscription = self._subscription(reference)
        is_beside = price_id in {item.price_id for item in subscription.items[1:]}
        if subscription.status in TERMINAL or price_id not in self._prices or is_beside:
            raise ProviderRefused(f"{reference} cannot be changed to {price_id}.")
        if subscription.first.price_id == price_id:
            return
        if subscription.first.price_id != before_price_id:
            raise SubscriptionMoved(f"{reference} does not sell {before_price_id} any more.")
        price, paid = self._prices[price_id].price, customer_id not in self.declined
        if upgrade:
            self.tell(customer_id, self._billed(self._more(subscription, price), subscription.reference, paid=paid))
        if paid or not upgrade:
            first = replace(subscription.first, price_id=price_id, price=price, is_free=price.amount == 0)
            self.tell(customer_id, replace(subscription, items=(first, *subscription.items[1:])))
        self._lose_answer()

    def _more(self, subscription: SeenSubscription, price: Money) -> Money:
        return Money(max(1, price.amount - self._prices[subscription.first.price_id].price.amount), price.currency)

    def _billed(self, amount: Money, subscription_reference: str | None, *, paid: bool) -> ProviderPayment:
        reference = self._new("payment")
        return ProviderPayment(
            provider=self.name,
            reference=reference,
            subscription_reference=subscription_reference,
            amount=amount,
            status="paid" if paid else "failed",
            attempts=1,
            paid_at=self._clock.now() if paid else None,
            next_attempt_at=None,
            receipt_url=f"memory://{reference}",
        )

    async def open_portal(self, customer_id: str, *, return_url: str) -> str:
        self._refuse_when_down()
        self._refuse_gone(customer_id)
        if customer_id not in self._customers:
            raise CustomerGone(f"There is no customer {customer_id}.")
        return f"memory://{self._new('portal')}?back={return_url}"

    async def refund(self, payment_reference: str, *, amount: Money, idempotency_key: str) -> str:
        def make() -> str:
            customer_id, payment = self._payment(payment_reference)
            if amount.amount > payment.kept:
                raise ProviderRefused(f"Only {payment.kept} of {payment_reference} is left.")
            refund = ProviderRefund(reference=self._new("refund"), amount=amount, intent_key=idempotency_key)
            self.tell(customer_id, replace(payment, refunds=(*payment.refunds, refund)))
            return refund.reference

        return self._once(idempotency_key, make)

    async def find_refund(self, payment_reference: str, *, idempotency_key: str) -> str | None:
        self._refuse_when_down()
        _, payment = self._payment(payment_reference)
        return next((one.reference for one in payment.refunds if one.intent_key == idempotency_key), None)

    def _payment(self, reference: str) -> tuple[str, ProviderPayment]:
        for customer_id, known in self._customers.items():
            if reference in known.payments:
                return customer_id, known.payments[reference]
        raise ProviderRefused(f"There is no payment {reference}.")

    def _subscription(self, reference: str) -> tuple[str, SeenSubscription]:
        for customer_id, known in self._customers.items():
            if reference in known.subscriptions:
                return customer_id, known.subscriptions[reference]
        raise ProviderRefused(f"There is no subscription {reference}.")

    def tell(self, customer_id: str, *seen: Seen) -> None:
        """What is true of the customer from now on, in place of what was told under the same reference."""
        known = self._customers.setdefault(customer_id, Known())
        for one in seen:
            match one:
                case SeenSubscription():
                    known.subscriptions[one.reference] = one
                case ProviderPayment():
                    known.payments[one.reference] = one
                case SeenCheckout():
                    known.checkouts[one.reference] = one
                case SeenPurchase():
                    known.purchases[one.reference] = one

    def forget(self, customer_id: str, payment: ProviderPayment) -> None:
        """It has never heard of it."""
        del self._customers[customer_id].payments[payment.reference]

    def _once(self, key: str, make: Callable[[], T]) -> T:
        self._refuse_when_down()
        if key not in self._done:
            self._done[key] = make()
        self._lose_answer()
        done: T = self._done[key]
        return done

    def _lose_answer(self) -> None:
        if self.answers_lost:
            raise ProviderUnavailable("The answer of the provider in memory was lost.")

    def _refuse_when_down(self) -> None:
        if self.busy:
            raise ProviderBusy("The provider in memory had too many questions.")
        if self.down:
            raise ProviderUnavailable("The provider in memory is down.")

    def _new(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers)}"
