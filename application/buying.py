"""As whom an account buys at the provider: its own customer there, made at the first time, replaced when it is gone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from application.customers import CustomerBinding
from application.errors import CustomerGone
from application.intentions import KEYS_KEPT
from application.ports.billing import BillingProvider
from application.ports.world import Clock
from application.recall import Asked, Records
from domain.account.account import Account
from domain.account.customers import CUSTOMERS_MAX, Customers
from domain.shared.fact import Refusal

T = TypeVar("T")
Act = Callable[[str], Awaitable[T]]
"""What is asked of the provider as a customer. Raises CustomerGone."""


class NothingBought(Refusal):
    """There is no customer at the provider, since nothing was bought, or none is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buying:
    """Whoever turns out to be gone is noted as that, and the next one of the account's takes its place."""

    records: Records
    billing: BillingProvider
    binding: CustomerBinding
    business_time: Clock

    async def as_buyer(self, account_id: UUID, act: Act[T], asked: Asked) -> T:
        """Where none is there one is made. Raises TooManyCustomers, and what `act` raises."""
        return await self._as_one_there(account_id, act, asked, makes=True)

    async def as_customer(self, account_id: UUID, act: Act[T], asked: Asked) -> T:
        """Raises NothingBought, and what `act` raises."""
        return await self._as_one_there(account_id, act, asked, makes=False)

    async def _as_one_there(self, account_id: UUID, act: Act[T], asked: Asked, *, makes: bool) -> T:
        for _ in range(CUSTOMERS_MAX):
            account = (await self.records.recall(Account, account_id)).existing()
            customer_id = account.customers_at(self.billing.name).buyer
            if customer_id is None and not makes:
                break
            customer_id = customer_id or await self._made(account, asked)
            try:
                return await act(customer_id)
            except CustomerGone:
                await self.binding.note_gone(account_id, customer_id, asked)
        raise NothingBought("Nothing has been bought yet, or nothing of it is left, so there is nothing to manage.")

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
        found = await self.billing.find_customer(account_id=account.id, email=account.email)
        return None if found in account.customers_at(self.billing.name).gone else found


def _key(account: Account, known: Customers) -> str:
    """Another one for each that is gone: under the first the provider would name the first again."""
    return f"customer-{account.id}" + (f"-after-{known.bound[-1]}" if known.bound else "")
