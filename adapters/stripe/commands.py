"""What Stripe is told to do: each thing once to a key, or such that it is the same when it is done again."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal
from uuid import UUID

import msgspec
import stripe
from stripe.params import CustomerCreateParams, PriceCreateParams, SubscriptionUpdateParams
from stripe.params.checkout import SessionCreateParams

from adapters.stripe.asking import PAGE_SIZE, all_pages, asking
from adapters.stripe.objects import Customer, Price, Session, Subscription, id_of
from adapters.stripe.paid import REFUND_KEY, InvoicePayment, Refund
from adapters.stripe.pausing import end_pause
from adapters.stripe.units import at
from application.errors import CustomerGone, ProviderRefused, SubscriptionMoved
from application.ports.billing import CheckoutPage
from domain.shared.money import Money
from domain.shared.plan_terms import Interval

OVER = frozenset({"canceled", "incomplete_expired"})
PRODUCT = "plan_"
"""Before the plan's id in that of its product."""
EXISTS, MISSING = "resource_already_exists", "resource_missing"
ACCOUNT = "account_id"
"""Under which a customer's metadata hold the account's id."""


class StripeCommands:
    """The commands of the billing provider."""

    def __init__(self, services: stripe.V1Services) -> None:
        self._stripe = services

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
        async with asking():
            product = await self._product_beside(beside) or await self._product_of(plan_id, name)
            terms: PriceCreateParams = {
                "product": product,
                "currency": price.currency.lower(),
                "unit_amount": price.amount,
                "metadata": {"plan_id": str(plan_id)},
            }
            if interval != "once":
                terms["recurring"] = {"interval": interval}
            made = await self._stripe.prices.create_async(terms, {"idempotency_key": f"{idempotency_key}-price"})
            return made.id

    async def _product_beside(self, price_id: str | None) -> str | None:
        """Also one that the operator made; None where Stripe does not know the price any more."""
        if price_id is None:
            return None
        try:
            seen = await self._stripe.prices.retrieve_async(price_id)
        except stripe.InvalidRequestError as error:
            if error.code == MISSING:
                return None
            raise
        return id_of(msgspec.convert(seen.to_dict(), Price).product)

    async def _product_of(self, plan_id: UUID, name: str) -> str:
        """Its id follows from the plan's, and not from a key that Stripe forgets: it is made once, for good."""
        product_id = f"{PRODUCT}{plan_id}"
        try:
            await self._stripe.products.create_async(
                {"id": product_id, "name": name, "metadata": {"plan_id": str(plan_id)}}
            )
        except stripe.InvalidRequestError as error:
            if error.code != EXISTS:
                raise
        return product_id

    async def customers_made_for(self, account_id: UUID, *, email: str | None) -> Sequence[str]:
        """By its metadata, or, where Stripe has no search (in India), by its address. Search is a minute behind."""
        try:
            async with asking():
                query = f"metadata['{ACCOUNT}']:'{account_id}'"
                found = (await self._stripe.customers.search_async({"query": query, "limit": PAGE_SIZE})).data
        except ProviderRefused:
            if email is None:
                return []
            async with asking():
                found = (await self._stripe.customers.list_async({"email": email, "limit": PAGE_SIZE})).data
        known = (msgspec.convert(one.to_dict(), Customer) for one in found)
        return [one.id for one in known if (one.metadata or {}).get(ACCOUNT) == str(account_id)]

    async def has_customer(self, customer_id: str) -> bool:
        try:
            return not (await self._customer(customer_id)).deleted
        except CustomerGone:
            return False

    @asynccontextmanager
    async def _as(self, customer_id: str, within_seconds: float | None = None) -> AsyncIterator[None]:
        """Of a customer who is gone it is asked whether it was deleted. Raises CustomerGone, and what is raised."""
        try:
            async with asking(within_seconds):
                yield
        except CustomerGone as gone:
            deleted = await self._is_deleted(customer_id, within_seconds)
            raise CustomerGone(str(gone), kept=gone.kept, deleted=deleted) from gone

    async def _is_deleted(self, customer_id: str, within_seconds: float | None) -> bool:
        """False where Stripe does not know it at all, as another account's."""
        try:
            return (await self._customer(customer_id, within_seconds)).deleted
        except CustomerGone:
            return False

    async def _customer(self, customer_id: str, within_seconds: float | None = None) -> Customer:
        """Stripe goes on answering for one that was deleted, with little more than that it was."""
        async with asking(within_seconds):
            seen = await self._stripe.customers.retrieve_async(customer_id)
            return msgspec.convert(seen.to_dict(), Customer)

    async def create_customer(self, *, account_id: UUID, email: str | None, idempotency_key: str) -> str:
        about: CustomerCreateParams = {"metadata": {ACCOUNT: str(account_id)}}
        if email is not None:
            about["email"] = email
        async with asking():
            return (await self._stripe.customers.create_async(about, {"idempotency_key": idempotency_key})).id

    async def delete_customer(self, customer_id: str) -> None:
        """A DELETE, for which Stripe takes no key; what was paid can still be paid back, by its payment intent."""
        try:
            async with self._as(customer_id):
                await self._stripe.customers.delete_async(customer_id)
        except CustomerGone as gone:
            if not gone.deleted:
                raise

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
        about = {"checkout_id": str(checkout_id), "account_id": str(account_id)}
        wanted: SessionCreateParams = {
            "mode": "subscription" if recurring else "payment",
            "customer": customer_id,
            "client_reference_id": str(checkout_id),
            "line_items": [{"price": price_id, "quantity": 1}],
            "metadata": about,
            "success_url": success_url,
            "cancel_url": cancel_url,
        }
        if not recurring:
            wanted["payment_intent_data"] = {"metadata": about}
        elif trial_days:
            wanted["subscription_data"] = {"metadata": about, "trial_period_days": trial_days}
        else:
            wanted["subscription_data"] = {"metadata": about}
        async with self._as(customer_id):
            session = await self._stripe.checkout.sessions.create_async(wanted, {"idempotency_key": idempotency_key})
        if session.url is None:
            raise ProviderRefused(f"Stripe opened {session.id} without a page to pay on.")
        return CheckoutPage(session.id, session.url, at(session.expires_at))

    async def expire_checkout(self, reference: str) -> Literal["expired", "completed"]:
        """Stripe refuses to expire one that is not open any more: what it is then tells."""
        try:
            async with asking():
                await self._stripe.checkout.sessions.expire_async(reference)
        except ProviderRefused:
            status = await self._checkout_status(reference)
            if status == "open":
                raise
            return "completed" if status == "complete" else "expired"
        return "expired"

    async def _checkout_status(self, reference: str) -> str | None:
        async with asking():
            seen = await self._stripe.checkout.sessions.retrieve_async(reference)
            return msgspec.convert(seen.to_dict(), Session).status

    async def cancel(self, reference: str, *, at_period_end: bool, idempotency_key: str) -> None:
        """A subscription that is over already is as cancelled as it can be.

        Cancelling at once is a DELETE, for which Stripe takes no key: it is the second answer that tells.
        """
        try:
            async with asking():
                if at_period_end:
                    await self._stripe.subscriptions.update_async(
                        reference, {"cancel_at_period_end": True}, {"idempotency_key": idempotency_key}
                    )
                else:
                    await self._stripe.subscriptions.cancel_async(reference)
        except ProviderRefused:
            if (await self._subscription(reference)).status not in OVER:
                raise

    async def resume(self, reference: str, *, idempotency_key: str) -> None:
        """In flexible billing `cancel_at` alone may be set, and Stripe takes one of the two at a time.

        One that is paused goes on when the invoice of its new period is paid; an end of it is taken back before that,
        under a key of its own, since Stripe takes one for one kind of call.
        """
        known = await self._subscription(reference)
        at_period_end = known.cancel_at_period_end
        endless: SubscriptionUpdateParams = {"cancel_at_period_end": False} if at_period_end else {"cancel_at": ""}
        async with asking():
            if at_period_end or known.cancel_at is not None:
                options: stripe.RequestOptions = {"idempotency_key": f"{idempotency_key}-keep"}
                await self._stripe.subscriptions.update_async(reference, endless, options)
            if known.status == "paused":
                await end_pause(self._stripe, known, idempotency_key=idempotency_key)

    async def change_price(
        self, reference: str, *, before_price_id: str, price_id: str, upgrade: bool, idempotency_key: str
    ) -> None:
        """`proration_behavior` is always said, since left out it means create_prorations.

        Where it has been done already nothing is; raises SubscriptionMoved where it sells neither of the two.
        """
        items = {item.price.id: item for item in (await self._subscription(reference)).items.data}
        if (item := items.get(before_price_id)) is None:
            if price_id in items:
                return
            raise SubscriptionMoved(f"{reference} does not sell {before_price_id} any more.")
        changes: SubscriptionUpdateParams = {
            "items": [{"id": item.id, "price": price_id}],
            "proration_behavior": "always_invoice" if upgrade else "create_prorations",
            "payment_behavior": "pending_if_incomplete" if upgrade else "allow_incomplete",
        }
        async with asking():
            await self._stripe.subscriptions.update_async(reference, changes, {"idempotency_key": idempotency_key})

    async def has_subscription(self, reference: str) -> bool:
        """Stripe keeps those that are over; it has one no more where a test clock or all test data was deleted."""
        async with asking():
            try:
                await self._stripe.subscriptions.retrieve_async(reference)
            except stripe.InvalidRequestError as error:
                if error.code != MISSING:
                    raise
                return False
        return True

    async def _subscription(self, reference: str) -> Subscription:
        async with asking():
            seen = await self._stripe.subscriptions.retrieve_async(reference, {"expand": ["latest_invoice"]})
            return msgspec.convert(seen.to_dict(), Subscription)

    async def open_portal(self, customer_id: str, *, return_url: str) -> str:
        async with self._as(customer_id):
            session = await self._stripe.billing_portal.sessions.create_async(
                {"customer": customer_id, "return_url": return_url}
            )
            return session.url

    async def refund(self, payment_reference: str, *, amount: Money, idempotency_key: str) -> str:
        async with asking():
            made = await self._stripe.refunds.create_async(
                {
                    "payment_intent": await self._intent_of(payment_reference),
                    "amount": amount.amount,
                    "metadata": {REFUND_KEY: idempotency_key},
                },
                {"idempotency_key": idempotency_key},
            )
            return made.id

    async def find_refund(self, payment_reference: str, *, idempotency_key: str) -> str | None:
        async with asking():
            intent = await self._intent_of(payment_reference)
            listed = self._stripe.refunds.list_async({"payment_intent": intent, "limit": PAGE_SIZE})
            refunds = await all_pages(listed, Refund)
        return next((one.id for one in refunds if (one.metadata or {}).get(REFUND_KEY) == idempotency_key), None)

    async def _intent_of(self, payment_reference: str) -> str:
        """The payment intent; of an invoice the one that paid it. Raises ProviderRefused where nothing did."""
        if not payment_reference.startswith("in_"):
            return payment_reference
        listed = self._stripe.invoice_payments.list_async(
            {"invoice": payment_reference, "status": "paid", "limit": PAGE_SIZE}
        )
        for paid in await all_pages(listed, InvoicePayment):
            if paid.payment is not None and (intent := id_of(paid.payment.payment_intent)) is not None:
                return intent
        raise ProviderRefused(f"Nothing that Stripe could refund has paid {payment_reference}.")
