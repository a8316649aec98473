"""As whom an account buys at the provider: its own customer there, made at the first time, replaced when it is gone."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from application.customers import CustomerBinding
from application.errors import CustomerGone, ProviderRefused, ProviderUnavailable
from application.intentions import KEYS_KEPT
from application.ports.billing import BillingProvider
from application.ports.world import Clock
from application.recall import Asked, Records
from domain.access.standing import Term
from domain.account.account import Account
from domain.account.customers import CUSTOMERS_MAX, CustomerBoundElsewhere, Customers, TooManyCustomers
from domain.shared.fact import Refusal

log = logging.getLogger(__name__)

T = TypeVar("T")
Act = Callable[[str], Awaitable[T]]
"""What is asked of the provider as a customer. Raises CustomerGone."""


class NothingBought(Refusal):
    """There is no customer at the provider, since nothing was bought, or none is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buying:
    """Whoever turns out to be gone is noted as that, and the next one of the account's takes its place.

    With a key of another account at the provider everybody would seem to be gone. So that somebody is, the provider
    says itself (`deleted`), or it does not know the customer though it has the price at which we sell.
    """

    records: Records
    billing: BillingProvider
    binding: CustomerBinding
    business_time: Clock

    async def as_buyer(self, account_id: UUID, act: Act[T], asked: Asked, *, price_id: str) -> T:
        """Buys at this price; where no customer is there one is made.

        Raises:
            TooManyCustomers; ProviderUnavailable, where it has neither the customer nor the price; what `act` raises.
        """
        await self._take_back(account_id, asked)
        for _ in range(CUSTOMERS_MAX):
            account = (await self.records.recall(Account, account_id)).existing()
            customer_id = account.customers_at(self.billing.name).buyer or await self._made(account, asked)
            try:
                return await act(customer_id)
            except CustomerGone as gone:
                if not gone.deleted and not await self._sells(price_id):
                    raise self._seems_another_account(customer_id) from gone
                await self.binding.note_gone(account_id, customer_id, asked, deleted=gone.deleted)
            except ProviderRefused as refused:
                # Of a price and a customer that it does not know the provider names the price alone, it may be.
                if await self._sells(price_id) or await self.billing.has_customer(customer_id):
                    raise
                raise self._seems_another_account(customer_id) from refused
        raise NothingBought("The provider has none of this account's customers any more.")

    async def as_customer(self, account_id: UUID, act: Act[T], asked: Asked) -> T:
        """Raises NothingBought; ProviderUnavailable, where it knows none of them; what `act` raises."""
        await self._take_back(account_id, asked)
        account = (await self.records.recall(Account, account_id)).existing()
        known = account.customers_at(self.billing.name)
        unknown: list[str] = []
        for customer_id in (one for one in known.bound if one not in known.gone):
            try:
                return await act(customer_id)
            except CustomerGone as gone:
                if gone.deleted:
                    await self.binding.note_gone(account_id, customer_id, asked, deleted=True)
                else:
                    unknown.append(customer_id)
        if unknown:
            raise self._seems_another_account(unknown[0])
        raise NothingBought("Nothing has been bought yet, or nothing of it is left, so there is nothing to manage.")

    async def _take_back(self, account_id: UUID, asked: Asked) -> None:
        """One that was not known is there all the same, as after a time with another account's key."""
        account = (await self.records.recall(Account, account_id)).existing()
        for customer_id in account.customers_at(self.billing.name).unknown:
            if await self.billing.has_customer(customer_id):
                await self.binding.bind(account_id, customer_id, asked)

    async def _sells(self, price_id: str) -> bool:
        try:
            await self.billing.price(price_id)
        except ProviderRefused:
            return False
        return True

    def _seems_another_account(self, customer_id: str) -> ProviderUnavailable:
        """As a key that is not accepted, it is an outage: an operator has to see to it."""
        provider = self.billing.name
        log.error("%s does not know %s and has not deleted it: is our key another account's?", provider, customer_id)
        return ProviderUnavailable(f"{provider} does not know this account's customer, and has not deleted it.")

    async def _made(self, account: Account, asked: Asked) -> str:
        """Bound before the first webhook about it can come."""
        customer_id = await self._made_before(account) or await self.billing.create_customer(
            account_id=account.id,
            email=account.email,
            idempotency_key=_key(account, account.customers_at(self.billing.name)),
        )
        await self.binding.bind(account.id, customer_id, asked)
        return customer_id

    async def _made_before(self, account: Account) -> str | None:
        """By somebody who did not come to bind it; of a young account the provider remembers the key."""
        if self.business_time.now() - account.created_at < KEYS_KEPT:
            return None
        gone = account.customers_at(self.billing.name).gone
        found = await self.billing.customers_made_for(account.id, email=account.email)
        return next((customer_id for customer_id in found if customer_id not in gone), None)

    async def bind_unbound(self, account_id: UUID, asked: Asked) -> None:
        """Customers that the provider made for the account, and whose answer was lost. Raises ProviderUnavailable."""
        account = (await self.records.recall(Account, account_id)).existing()
        for customer_id in await self.billing.customers_made_for(account_id, email=account.email):
            try:
                await self.binding.bind(account_id, customer_id, asked)
            except (CustomerBoundElsewhere, TooManyCustomers) as refused:
                log.warning("%s names an account that does not get it: %s", customer_id, refused)


def is_open(term: Term) -> bool:
    """Whether a subscription may still be paid for; one whose first payment never came is as good as none."""
    return term.ended_at is None and term.status != "incomplete" and not term.plan_dropped


def _key(account: Account, known: Customers) -> str:
    """Another one for each that is gone: under the first the provider would name the first again."""
    return f"customer-{account.id}" + (f"-after-{known.bound[-1]}" if known.bound else "")
