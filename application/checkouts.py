"""Checkout: a viewer asks to buy a plan and is sent to the provider's payment page."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from application.convergence import Convergence
from application.customers import CustomerBinding
from application.errors import ProviderRefused
from application.ports.billing import BillingProvider, CheckoutPage
from application.ports.inbox import Customer
from application.ports.ledger import Position
from application.ports.reads import AccessReads
from application.ports.world import Clock, Identifiers
from application.recall import Asked, Recalled, Records
from domain.access.access import ANY_PLAN, AccountBlocked, decide
from domain.access.prepaid import prepaid_until
from domain.access.standing import Standing
from domain.account.account import Account
from domain.plan.plan import Plan
from domain.prepaid.prepaid import RENEWAL_WINDOW, RenewalWindowClosed
from domain.shared.fact import Refusal
from domain.subscription.checkout import Checkout
from domain.subscription.subscription import AlreadySubscribed


class ReturnUrlNotAllowed(Refusal):
    """The page to come back to is not one of ours."""


class OpenedCheckout(msgspec.Struct, frozen=True, kw_only=True):
    """Where the viewer pays, until when, and where the ledger stands."""

    checkout_id: UUID
    url: str
    expires_at: datetime
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkouts:
    """Use cases of checkout; return addresses must begin with one of `own_origins`."""

    records: Records
    billing: BillingProvider
    convergence: Convergence
    binding: CustomerBinding
    access: AccessReads
    identifiers: Identifiers
    business_time: Clock
    public_url: str
    own_origins: tuple[str, ...]

    async def open(
        self, account_id: UUID, plan_id: UUID, *, success_url: str | None, cancel_url: str | None, asked: Asked
    ) -> OpenedCheckout:
        """Record the intent, make the provider's customer at the first time, open the page, record that it is open.

        Raises:
            ReturnUrlNotAllowed, AlreadySubscribed, RenewalWindowClosed, AccountBlocked, PlanNotForSale, NotFound,
            ProviderUnavailable.
        """
        success_url = self._own(success_url, "/checkout/success")
        cancel_url = self._own(cancel_url, "/checkout/cancelled")
        standing = await self._without_subscription(account_id, asked)
        plan = (await self.records.recall(Plan, plan_id)).existing()
        if plan.duration_days is not None:
            self._refuse_too_early(standing)
        trial_days = 0 if plan.duration_days or _has_tried(standing) else plan.trial_days
        requested = await self._request(account_id, plan, trial_days, asked)
        customer_id = await self._customer_of(account_id, asked)
        page = await self._page(
            requested, plan, customer_id, success_url=success_url, cancel_url=cancel_url, asked=asked
        )
        opened = await self.records.decide(
            Checkout,
            requested.id,
            asked,
            lambda checkout: checkout.open(provider_reference=page.reference, expires_at=page.expires_at),
        )
        return OpenedCheckout(
            checkout_id=requested.id, url=page.url, expires_at=page.expires_at, position=opened.position
        )

    def _own(self, url: str | None, otherwise: str) -> str:
        """A foreign return address would let a stranger use our checkout as a trap."""
        if url is None:
            return self.public_url + otherwise
        if _origin(url) not in self.own_origins:
            raise ReturnUrlNotAllowed("Return addresses must be on one of this service's own origins.")
        return url

    async def _without_subscription(self, account_id: UUID, asked: Asked) -> Standing | None:
        """The buyer's standing; one who has a subscription that is not over would pay twice."""
        # News may have been lost, of a payment (then she would pay twice) or of an end (then she would be locked out).
        await self._ask_provider(account_id, asked)
        standing = await self.access.standing(account_id)
        answer = decide(standing, ANY_PLAN, self.business_time.now())
        if answer.reason == "blocked":
            raise AccountBlocked("This account is blocked.", access=answer)
        if _has_open_term(standing):
            raise AlreadySubscribed("There is a live subscription already.", access=answer)
        return standing

    def _refuse_too_early(self, standing: Standing | None) -> None:
        """What was bought for a number of days is bought again shortly before its end."""
        now = self.business_time.now()
        until = prepaid_until(standing.prepaid) if standing else None
        if until is not None and until - now > RENEWAL_WINDOW:
            again = until - RENEWAL_WINDOW
            raise RenewalWindowClosed(
                f"More than 30 days are left; it can be bought again from {again:%Y-%m-%d %H:%M} UTC on.",
                access=decide(standing, ANY_PLAN, now),
            )

    async def _ask_provider(self, account_id: UUID, asked: Asked) -> None:
        account = (await self.records.recall(Account, account_id)).existing()
        if (customer_id := account.customers.get(self.billing.name)) is not None:
            await self.convergence.settle_now(Customer(self.billing.name, customer_id), asked)

    async def _request(self, account_id: UUID, plan: Plan, trial_days: int, asked: Asked) -> Checkout:
        checkout_id = self.identifiers.new()
        facts = Checkout.request(
            checkout_id=checkout_id,
            account_id=account_id,
            provider=self.billing.name,
            plan=plan.terms,
            price_id=plan.price_for_sale(self.billing.name),
            trial_days=trial_days,
            idempotency_key=f"checkout-{checkout_id}",
        )
        await self.records.append(asked, (Recalled(checkout_id, None, 0), facts))
        return (await self.records.recall(Checkout, checkout_id)).existing()

    async def _customer_of(self, account_id: UUID, asked: Asked) -> str:
        """The account's customer at the provider, bound before the first webhook about it can come."""
        account = (await self.records.recall(Account, account_id)).existing()
        if (bound := account.customers.get(self.billing.name)) is not None:
            return bound
        customer_id = await self.billing.create_customer(
            account_id=account_id, email=account.email, idempotency_key=f"customer-{account_id}"
        )
        await self.binding.bind(account_id, customer_id, asked)
        return customer_id

    async def _page(
        self, checkout: Checkout, plan: Plan, customer_id: str, *, success_url: str, cancel_url: str, asked: Asked
    ) -> CheckoutPage:
        try:
            return await self.billing.open_checkout(
                checkout_id=checkout.id,
                account_id=checkout.account_id,
                customer_id=customer_id,
                price_id=checkout.price_id,
                recurring=plan.terms.interval != "once",
                trial_days=checkout.trial_days,
                success_url=success_url,
                cancel_url=cancel_url,
                idempotency_key=checkout.idempotency_key,
            )
        except ProviderRefused as refused:
            reason = str(refused)
            await self.records.decide(Checkout, checkout.id, asked, lambda it: it.fail(reason=reason))
            raise


def _has_open_term(standing: Standing | None) -> bool:
    """One whose first payment never came is as good as none."""
    terms = standing.terms.values() if standing else ()
    return any(term.ended_at is None and term.status != "incomplete" for term in terms)


def _has_tried(standing: Standing | None) -> bool:
    """A trial is had once."""
    return standing is not None and any(term.trial_end is not None for term in standing.terms.values())


def _origin(url: str) -> str | None:
    """None for what is no address, hides another one behind a user's name, or would break out of a header."""
    if any(character <= " " or character == "\x7f" for character in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return None if "@" in parts.netloc else f"{parts.scheme}://{parts.netloc}"
